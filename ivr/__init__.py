"""PURE. Menus: what they are (`menu`), how one moves on (`step`), and which of its nodes lead to which (`graph`)."""
