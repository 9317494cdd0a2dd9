"""PURE. Decides what is owed for a call: terms, money and `judge`."""
