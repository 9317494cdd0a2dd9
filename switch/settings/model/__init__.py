"""The shape of every section: pydantic models that check it and that the JSON Schema for editors is generated from.

A model checks what must fit together inside one entry, too. How a single value is read is `switch.settings.field`'s business.
"""
