"""Slows down whoever guesses passwords: by the name that is tried, and by the address that tries."""

from collections import OrderedDict
from dataclasses import dataclass

FREE_TRIES = 5
"""So many failures in a row cost nothing: people mistype."""
LONGEST_S = 300
FORGET_S = 3_600
"""After so long without another failure it is as if there had been none."""
MAX_KEYS = 10_000
"""Names and addresses that are remembered; beyond them the one that failed longest ago is forgotten."""


@dataclass(slots=True)
class _Failures:
    count: int
    last_us: int


class LoginThrottle:
    """Failures double the wait, from one second on, to `LONGEST_S`. Nobody is shut out for good: strangers could shut others out."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, name: str, address: str, now_us: int) -> int:
        """Returns for how long no password is looked at, in whole seconds, rounded up; 0: it is."""
        return max(self._wait_s(key, now_us) for key in _keys(name, address))

    def failed(self, name: str, address: str, now_us: int) -> int:
        """A password was wrong. Returns how many were in a row, of the name or the address, whichever are more."""
        counts = []
        for key in _keys(name, address):
            found = self._of(key, now_us) or _Failures(count=0, last_us=now_us)
            found.count, found.last_us = found.count + 1, now_us
            counts.append(found.count)
            self._failures[key] = found
            self._failures.move_to_end(key)
        while len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)
        return max(counts)

    def succeeded(self, name: str, address: str) -> None:
        for key in _keys(name, address):
            self._failures.pop(key, None)

    def _of(self, key: str, now_us: int) -> _Failures | None:
        found = self._failures.get(key)
        return None if found is None or now_us - found.last_us >= FORGET_S * 1_000_000 else found

    def _wait_s(self, key: str, now_us: int) -> int:
        found = self._of(key, now_us)
        if found is None or found.count < FREE_TRIES:
            return 0
        pause_s = min(LONGEST_S, 1 << min(found.count - FREE_TRIES, 16))
        left_us = found.last_us + pause_s * 1_000_000 - now_us
        return max(0, -(-left_us // 1_000_000))


def _keys(name: str, address: str) -> tuple[str, str]:
    return f"name {name}", f"address {address}"
