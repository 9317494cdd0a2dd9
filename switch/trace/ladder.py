"""PURE. Makes a ladder of a call's SIP messages: who sent whom what, and when, with retransmissions counted, not repeated.

Both the command line and the console draw it; how is theirs.
"""

import re

import msgspec

from switch.trace.message import Head, Trace, TracedMessage, head_of

_BRANCH = re.compile(r";\s*branch\s*=\s*([^\s;,]+)", re.IGNORECASE)
_TAG = re.compile(r";\s*tag\s*=\s*([^\s;,]+)", re.IGNORECASE)
_RESPONSE = re.compile(r"SIP/2\.0 +([1-6][0-9][0-9])(?: +(.*))?", re.IGNORECASE)
MAX_LABEL = 60


class LadderParty(msgspec.Struct, frozen=True, kw_only=True):
    """A column beside the switch's. `addresses`: transport and address of each place that it was heard at or called, in order."""

    name: str
    addresses: tuple[str, ...]


class LadderRow(msgspec.Struct, frozen=True, kw_only=True):
    """An arrow between the switch and a party. `after_us`: since the first message. `label`: the method, or the status and its words, in
    printable ASCII. `count`: how often it was sent, `last_us` when for the last time, as `after_us`. `message`: its number among those of
    the trace."""

    after_us: int
    party: int
    is_sent: bool
    label: str
    has_sdp: bool
    count: int
    last_us: int
    message: int


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """`began_us`: of the first message, UTC. `dropped`: messages of the call that were not kept."""

    call_id: str
    sip_call_id: str
    began_us: int
    parties: tuple[LadderParty, ...]
    rows: tuple[LadderRow, ...]
    dropped: int


def ladder(trace: Trace) -> Ladder:
    """Returns the ladder of a trace."""
    began_us = trace.messages[0].at_us if trace.messages else 0
    rows: dict[tuple[object, ...], LadderRow] = {}
    for number, message in enumerate(trace.messages):
        head = head_of(message.data)
        key = (message.is_sent, message.party, *_identity(head))
        after_us = message.at_us - began_us
        earlier = rows.get(key)
        if earlier is not None:
            rows[key] = msgspec.structs.replace(earlier, count=earlier.count + 1, last_us=after_us)
            continue
        rows[key] = LadderRow(
            after_us=after_us,
            party=message.party,
            is_sent=message.is_sent,
            label=_label(head),
            has_sdp=head.has_body and "sdp" in head.headers.get("content-type", "").lower(),
            count=1,
            last_us=after_us,
            message=number,
        )
    return Ladder(
        call_id=trace.call_id,
        sip_call_id=trace.sip_call_id,
        began_us=began_us,
        parties=tuple(
            LadderParty(name=name, addresses=_addresses(trace.messages, party)) for party, name in enumerate(trace.parties)
        ),
        rows=tuple(rows.values()),
        dropped=trace.dropped,
    )


def _identity(head: Head) -> tuple[str, ...]:
    """Returns what a message and its retransmissions have in common: they are alike, belong to one transaction (its branch, RFC 3261
    §17.1.3), and come from one fork; a reliable 1xx has a number of its own (RFC 3262 §3)."""
    headers = head.headers
    branch, tag = _BRANCH.search(headers.get("via", "")), _TAG.search(headers.get("to", ""))
    return (
        head.start,
        headers.get("cseq", ""),
        head.call_id,
        branch[1] if branch else "",
        tag[1] if tag else "",
        headers.get("rseq", ""),
    )


def _label(head: Head) -> str:
    """`INVITE`, `re-INVITE` inside a dialog, `180 Ringing`, `200 OK (BYE)` to anything but an INVITE."""
    answer = _RESPONSE.fullmatch(head.start)
    method = head.headers.get("cseq", "").rpartition(" ")[2]
    if answer is not None:
        words = f"{answer[1]} {answer[2] or ''}".rstrip()
        return _ascii(words if method in {"INVITE", ""} else f"{words} ({method})")
    method = head.start.partition(" ")[0]
    return _ascii(f"re-{method}" if method == "INVITE" and _TAG.search(head.headers.get("to", "")) else method)


def _ascii(text: str) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text)[:MAX_LABEL]


def _addresses(messages: tuple[TracedMessage, ...], party: int) -> tuple[str, ...]:
    found = [f"{message.transport.lower()}:{message.theirs}" for message in messages if message.party == party]
    return tuple(dict.fromkeys(found))
