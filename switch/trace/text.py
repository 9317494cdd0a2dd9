"""PURE. Draws a ladder in 80 columns, and writes out the messages of a call."""

from collections.abc import Iterator

from switch.trace.ladder import Ladder, LadderRow, ladder
from switch.trace.message import Trace

WIDTH = 80
MAX_LINES = 3
"""Lines beside each other. A further one takes the column of the one that has been silent longest, under a new head."""
_TIME = 10
_LEFT = _TIME + 2
"""Where the carrier's column stands."""
_SWITCH = "switch"
_MAX_GAP = 30


def ladder_lines(drawn: Ladder) -> Iterator[str]:
    """Returns the ladder, line by line: a column for the carrier, the switch and each line, seconds since the first message on the left."""
    yield f"SIP of {f'call {drawn.call_id}' if drawn.call_id else 'an INVITE that became no call'}, Call-ID {drawn.sip_call_id}"
    for party in drawn.parties:
        if party.addresses:
            yield f"  {party.name}: {', '.join(party.addresses)}"
    yield ""
    columns: list[int] = []
    for row, shown in zip(drawn.rows, _columns(drawn), strict=True):
        if shown != columns:
            columns = shown
            yield from _head(drawn, columns)
        yield _arrow(row, columns)
    if drawn.dropped:
        yield f"  ({drawn.dropped} messages of this call are not here: there was no room for them)"


def message_lines(trace: Trace) -> Iterator[str]:
    """Returns each message in full, line by line, a retransmitted one once."""
    for row in ladder(trace).rows:
        message = trace.messages[row.message]
        party = f"{trace.parties[message.party]} {message.transport.lower()}:{message.theirs}"
        ours = f"{_SWITCH} {message.transport.lower()}:{message.ours}"
        again = f" ({row.count} times, last at {_seconds(row.last_us)})" if row.count > 1 else ""
        yield f"--- {_seconds(row.after_us)} {ours if row.is_sent else party} -> {party if row.is_sent else ours}{again}"
        yield from message.data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").rstrip("\n").split("\n")
        yield ""


def _seconds(after_us: int) -> str:
    return f"{after_us / 1_000_000:+.3f}"


def _columns(drawn: Ladder) -> Iterator[list[int]]:
    """Returns for each row the parties that have a column then, the carrier first."""
    lines = [party for party in range(1, len(drawn.parties)) if drawn.parties[party].addresses]
    columns, heard = lines[:MAX_LINES], dict.fromkeys(lines, -1)
    for number, row in enumerate(drawn.rows):
        if row.party and row.party not in columns:
            silent = min(columns, key=lambda party: heard[party])
            columns = [row.party if party == silent else party for party in columns]
        if row.party:
            heard[row.party] = number
        yield [0, *columns]


def _places(columns: list[int]) -> list[int]:
    """Returns where the lifelines stand: the carrier's, the switch's, those of lines."""
    gap = min(_MAX_GAP, (WIDTH - 1 - _LEFT) // len(columns))
    return [_LEFT + gap * number for number in range(len(columns) + 1)]


def _head(drawn: Ladder, columns: list[int]) -> Iterator[str]:
    places = _places(columns)
    names = [drawn.parties[0].name, _SWITCH, *(drawn.parties[party].name for party in columns[1:])]
    gap = places[1] - places[0]
    drawing = [" "] * WIDTH
    for place, name in zip(places, names, strict=True):
        shown = name if len(name) < gap else f"{name[: gap - 2]}~"
        start = max(0, min(place - len(shown) // 2, WIDTH - len(shown)))
        drawing[start : start + len(shown)] = shown
    yield "".join(drawing).rstrip()


def _arrow(row: LadderRow, columns: list[int]) -> str:
    places = _places(columns)
    drawing = [" "] * WIDTH
    for place in places:
        drawing[place] = "|"
    theirs = places[0] if row.party == 0 else places[1 + columns.index(row.party)]
    left, right = sorted((places[1], theirs))
    rightward = row.is_sent is (theirs > places[1])
    width = right - left - 1
    count = f" x{row.count}" if row.count > 1 else ""
    room = width - 4 - len(count)
    label = row.label + (" SDP" if row.has_sdp and len(row.label) + 4 <= room else "")
    text = f" {label[:room]}{count} "
    drawing[left + 1 : right] = (text.center(width - 1, "-") + ">") if rightward else ("<" + text.center(width - 1, "-"))
    time = _seconds(row.after_us).rjust(_TIME)
    return time + "".join(drawing)[_TIME:].rstrip()
