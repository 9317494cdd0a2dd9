"""How a checked document becomes what the switch runs: names resolved, defaults filled in, units made plain, a version made.

Nothing is checked here: every name is known and every value fits by now.
"""
