"""The only YAML: a config is loaded, checked and compiled to a deployment, or refused with everything that is wrong.

One way, from left to right; nothing returns to the left:

    files -> tree -> document -> deployment
    files.py (text.py, slips.py)   a mapping of names to contents becomes one tree of plain data; beside it, where each part is written
    names.py                       what the tree defines: names, prompts, kinds of tags
    validate.py                    the tree held against pydantic models; what has an error is left out, and the rest looked at again.
      model/, field.py             what a config looks like, and what must fit together in one entry; the types of single values
      value.py, address.py         read such values; address.py those of telephony and networks
    consistency.py                 what must fit together between entries and sections, and what runs in circles
    compile/                       a sound document becomes what the switch runs (`switch.deployment`); nothing is checked there
    lint/                          what a sound config may say but can hardly mean

`load` reads a directory, `load_files` takes a mapping and needs no directory, `load_kept` takes what the ledger kept of a config.

Invariants:
- Bad input never raises: what is wrong is a `Problem` with file, line and column, what belongs there and a hint, all of them at once.
- Scalars stay text until a field's type reads them (`value.py`): `no`, `12:30` and `+18005550100` mean what they look like.
- Positions stand in a side table (path -> file, line, column), never in the data.
- The text of a secret is in no problem, no kept file and no `repr`: `files.without_secrets` masks before anything is shown.
- A class of the model that has a counterpart in the core ends in `Config`.
"""
