"""What parts of a config must be in harmony with each other, beyond the shape of each.

Looks at the tree as it was read, not at the models: so all of it is found at once, whatever else is wrong. Parts with a wrong shape
are passed over here; the models tell of them.
"""
