"""Knows who counts against which cap right now: membership by call and leg, never a bare counter (`carriers.md`, Failures).

Taken all at once or not at all; given back any number of times with the same effect as once. Does not know limits' meaning or routing.
"""

from collections.abc import Iterator, Mapping

from routing.table import Cap

Member = tuple[str, int]
"""A call's id and its leg's number."""


class CapBook:
    """Every owner's members. One writer: the engine."""

    __slots__ = ("_members", "_owners")

    def __init__(self) -> None:
        self._members: dict[str, set[Member]] = {}
        self._owners: dict[Member, tuple[str, ...]] = {}

    def take(self, member: Member, caps: tuple[Cap, ...]) -> str | None:
        """Count `member` against all of `caps`, or against none and return the owner of the first that is full.

        Taking again what the member holds changes nothing.
        """
        if member in self._owners:
            return None
        for cap in caps:
            if len(self._members.get(cap.owner, ())) >= cap.limit:
                return cap.owner
        owners = tuple(dict.fromkeys(cap.owner for cap in caps))
        for owner in owners:
            self._members.setdefault(owner, set()).add(member)
        self._owners[member] = owners
        return None

    def give_back(self, member: Member) -> None:
        """`member` counts no more. Unknown members are fine: release happens exactly once, however often it is asked for."""
        for owner in self._owners.pop(member, ()):
            members = self._members[owner]
            members.discard(member)
            if not members:
                del self._members[owner]

    @property
    def load(self) -> Mapping[str, int]:
        """A live view: owner to how many count against it now; absent means none."""
        return _Load(self._members)


class _Load(Mapping[str, int]):
    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, set[Member]]) -> None:
        self._members = members

    def __getitem__(self, owner: str) -> int:
        return len(self._members[owner])

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)
