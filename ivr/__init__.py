"""PURE. Menus: what they are (`menu`) and how one moves on (`step`)."""
