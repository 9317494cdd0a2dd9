"""PURE. Defines a set of keys that are alive while at least one user of each lives."""


class LiveKeys:
    """Each `add` takes one `discard`. Membership is O(1), and a key without users takes no memory."""

    __slots__ = ("_users",)

    def __init__(self) -> None:
        self._users: dict[str, int] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._users

    def __len__(self) -> int:
        return len(self._users)

    def add(self, key: str) -> None:
        self._users[key] = self._users.get(key, 0) + 1

    def discard(self, key: str) -> None:
        """Raises KeyError for a key that has no user."""
        self._users[key] -= 1
        if self._users[key] == 0:
            del self._users[key]
