"""Calls through the whole control without sockets: what `payphone test`, `replay` and `simulate` stand on."""
