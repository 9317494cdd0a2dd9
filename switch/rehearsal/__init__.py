"""Calls through the whole brain without sockets: what `payphone test`, `replay` and `simulate` stand on."""
