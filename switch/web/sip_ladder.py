"""Lays a call's SIP messages out as a ladder for a page, and gives them as a packet capture. What a ladder is: `switch.trace.ladder`."""

from dataclasses import dataclass

from switch.ledger.store import Ledger
from switch.trace.ladder import ladder
from switch.trace.message import Trace, decode

SWITCH = "switch"
ROW_PX = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`at`: per cent from the left. `addresses`: where it was heard at or called."""

    name: str
    at: float
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """From column to column, per cent. `y`: pixels from the top. `text`: the whole message, its lines."""

    from_at: float
    to_at: float
    y: int
    label: str
    after_us: int
    text: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SipLadder:
    columns: tuple[Column, ...]
    arrows: tuple[Arrow, ...]
    height: int
    dropped: int


def trace_in(ledger: Ledger, call_id: str) -> Trace | None:
    """Returns the SIP messages of a call; None: they were not kept, or can't be read."""
    found = ledger.traces_of(call_id)
    try:
        return decode(found[0].trace) if found else None
    except ValueError:
        return None


def laid_out(trace: Trace) -> SipLadder:
    """The caller's side is left of the switch, lines are right of it."""
    drawn = ladder(trace)
    count = len(drawn.parties) + 1
    places = [round(100 * (number + 0.5) / count, 2) for number in range(count)]
    at_party = [places[0 if party == 0 else party + 1] for party in range(len(drawn.parties))]
    middle = places[min(1, count - 1)]
    columns = [Column(name=each.name, at=at_party[party], addresses=each.addresses) for party, each in enumerate(drawn.parties)]
    arrows = []
    for number, row in enumerate(drawn.rows):
        ends = (middle, at_party[row.party]) if row.is_sent else (at_party[row.party], middle)
        again = f" ×{row.count}" if row.count > 1 else ""  # noqa: RUF001 (times)
        data = trace.messages[row.message].data.decode("utf-8", errors="replace")
        arrows.append(
            Arrow(
                from_at=ends[0],
                to_at=ends[1],
                y=(number + 1) * ROW_PX,
                label=f"{row.label}{' (SDP)' if row.has_sdp else ''}{again}",
                after_us=row.after_us,
                text=tuple(data.splitlines()),
            )
        )
    ordered = sorted([*columns, Column(name=SWITCH, at=middle)], key=lambda column: column.at)
    return SipLadder(columns=tuple(ordered), arrows=tuple(arrows), height=(len(arrows) + 1) * ROW_PX, dropped=drawn.dropped)
