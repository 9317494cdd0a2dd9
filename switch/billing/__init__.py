"""PURE. What a call is worth: terms, money and `judge`."""
