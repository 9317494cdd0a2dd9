"""PURE. Who gets the call: tables, hours, caps, hunting order and `decide`, which says why."""
