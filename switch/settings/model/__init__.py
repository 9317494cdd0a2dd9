"""The shape of every section: pydantic models that check it and that the JSON Schema for editors is generated from.

They do not know files and positions, nor what parts must be in harmony with each other (`switch.settings.harmony`), nor how a single
value is read (`switch.settings.field`).
"""
