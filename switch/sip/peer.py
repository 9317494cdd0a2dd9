"""PURE. Defines how the agent treats the far end of a leg: what config says of a trunk or a line, as far as SIP itself depends on it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerProfile:
    """`name`: of the trunk or line. `nat`: where the source is public and what was signalled is not, the source is used."""

    name: str = ""
    nat: bool = True


DEFAULT_PEER = PeerProfile()
