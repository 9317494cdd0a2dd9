"""PURE. What the monitor knows at one moment: what the switch answers, what the ledger says of the last while, how full disks are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from switch.control.messages import Status
from switch.engine.live_view import CapStatus
from switch.engine.status import LineStatus, TrunkStatus
from switch.ledger.monitoring import Recent


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchView:
    """What the switch answers. `counts`: kind -> host -> count, of what peers sent and were refused."""

    status: Status
    lines: tuple[LineStatus, ...] = ()
    trunks: tuple[TrunkStatus, ...] = ()
    caps: tuple[CapStatus, ...] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A file system, `device`. `place`: a directory in it that the switch writes to. `use`: what for: data, recordings."""

    device: int
    place: str
    use: str
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """`switch` None: it does not answer, and `why` says in words what happens instead. `recent` None: the ledger can't be read.
    `probes`: those that the config places on a schedule."""

    at_us: int
    switch: SwitchView | None = None
    why: str = ""
    recent: Recent | None = None
    disks: tuple[Disk, ...] = ()
    probes: frozenset[str] = frozenset()
