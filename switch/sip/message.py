"""Knows what a SIP message is made of. Does not parse (`parser`), write (`serializer`) or understand header values (`headers`)."""

from collections.abc import Iterable, Iterator

import msgspec

Address = tuple[str, int]
"""An IP literal and a UDP port: where a datagram came from or goes to."""


class Headers:
    """Header fields in order: (canonical name, value) pairs, one value a pair (comma lists are split by the parser where RFC 3261 allows).

    Names are canonical long forms as the RFC writes them (`Call-ID`, `CSeq`, `Via`); look-ups use exactly that form. Immutable.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = tuple(fields)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)

    def __repr__(self) -> str:
        return f"Headers({self._fields!r})"

    def get(self, name: str) -> str | None:
        """The first value of `name`, or None."""
        for key, value in self._fields:
            if key == name:
                return value
        return None

    def all(self, name: str) -> list[str]:
        """Every value of `name`, in order."""
        return [value for key, value in self._fields if key == name]

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def replaced(self, name: str, value: str) -> "Headers":
        """A copy with the first `name` set to `value`; appended where there was none."""
        fields = list(self._fields)
        for index, (key, _) in enumerate(fields):
            if key == name:
                fields[index] = (name, value)
                return Headers(fields)
        return Headers([*fields, (name, value)])


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as RFC 3261 §7.1 has it. `uri` is the Request-URI as text. `body` is raw octets."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A response as RFC 3261 §7.2 has it; `status` is 100-699."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""


Message = Request | Response


class Malformed(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that are no valid message. `request`: what could be read of a request, enough to answer 400 to, or None: drop it."""

    why: str
    request: Request | None = None


class KeepAlive(msgspec.Struct, frozen=True, kw_only=True):
    """Only CRLFs: a keep-alive (RFC 5626 §3.5.1), no message."""

    length: int = 0
