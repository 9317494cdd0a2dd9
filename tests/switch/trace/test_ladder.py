"""A ladder: retransmissions counted, forks and challenges apart; drawn in 80 columns."""

from msgspec.structs import replace
from traces import call, message

from switch.trace.ladder import ladder
from switch.trace.message import Trace, decode, encode
from switch.trace.text import WIDTH, ladder_lines, message_lines


def test_a_retransmission_is_counted_and_not_repeated() -> None:
    drawn = ladder(call())
    first = drawn.rows[0]
    assert (first.label, first.count, first.after_us, first.last_us) == ("INVITE", 3, 0, 1_500_000)
    assert [(row.label, row.party, row.is_sent) for row in drawn.rows] == [
        ("INVITE", 0, False),
        ("100 Trying", 0, True),
        ("INVITE", 1, True),
        ("486 Busy Here", 1, False),
        ("ACK", 1, True),
        ("INVITE", 2, True),
        ("200 OK", 2, False),
        ("200 OK", 0, True),
        ("ACK", 0, False),
        ("BYE", 0, False),
        ("200 OK (BYE)", 0, True),
    ]
    assert all(row.count == 1 for row in drawn.rows[1:])


def rows(*messages: object) -> list[tuple[str, int]]:
    trace = Trace(call_id="c", sip_call_id="c", parties=("carrier",), messages=messages)  # type: ignore[arg-type]
    return [(row.label, row.count) for row in ladder(trace).rows]


def test_what_looks_alike_and_is_no_retransmission() -> None:
    asked = "INVITE sip:1@192.0.2.1 SIP/2.0"
    assert rows(message(asked), message(asked, branch="c", cseq="2 INVITE")) == [("INVITE", 1)] * 2
    ok = "SIP/2.0 200 OK"
    assert rows(message(ok, tag="a"), message(ok, tag="b")) == [("200 OK", 1)] * 2
    rings = "SIP/2.0 180 Ringing"
    assert rows(message(rings, more=("RSeq: 1",)), message(rings, more=("RSeq: 2",))) == [("180 Ringing", 1)] * 2
    assert rows(message(asked, sent=True), message(asked)) == [("INVITE", 1)] * 2


def test_a_request_inside_a_dialog_says_so_and_short_headers_are_read() -> None:
    assert rows(message("INVITE sip:1@192.0.2.1 SIP/2.0", tag="t")) == [("re-INVITE", 1)]
    short = replace(
        message("x"), data=b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a;branch=1\r\nt: <sip:a>;tag=x\r\nCSeq: 1 OPTIONS\r\n\r\n"
    )
    assert rows(short, short) == [("200 OK (OPTIONS)", 2)]


def test_what_no_terminal_should_see_becomes_a_question_mark() -> None:
    assert rows(message("SIP/2.0 480 \x1b[31mgone é", tag="t")) == [("480 ?[31mgone ?", 1)]
    assert rows(replace(message("x"), data=b"")) == [("", 1)]


DRAWN = """\
         level3                switch               acme-east          acme-west
    +0.000  |-- INVITE SDP x3 --->|                     |                     |
    +0.001  |<---- 100 Trying ----|                     |                     |
    +0.002  |                     |---- INVITE SDP ---->|                     |
    +0.700  |                     |<-- 486 Busy Here ---|                     |
    +0.700  |                     |------- ACK -------->|                     |
    +0.701  |                     |--------------- INVITE SDP --------------->|
    +3.000  |                     |<--------------- 200 OK SDP ---------------|
    +3.001  |<---- 200 OK SDP ----|                     |                     |
    +3.020  |------- ACK -------->|                     |                     |
   +93.000  |------- BYE -------->|                     |                     |
   +93.001  |<--- 200 OK (BYE) ---|                     |                     |"""


def test_it_is_drawn_in_80_columns() -> None:
    lines = list(ladder_lines(ladder(call())))
    assert max(map(len, lines)) <= WIDTH
    assert lines[:4] == [
        "SIP of call 3f2a9c, Call-ID c@198.51.100.7",
        "  level3: udp:198.51.100.7:5080",
        "  acme-east: udp:203.0.113.10:5060",
        "  acme-west: udp:203.0.113.20:5070",
    ]
    assert "\n".join(lines[5:]) == DRAWN


def test_more_lines_than_fit_take_turns() -> None:
    dialled = [
        message(f"INVITE sip:{number} SIP/2.0", at_ms=number, sent=True, party=number, call_id=f"c-{number}", branch=str(number))
        for number in range(1, 6)
    ]
    parties = ("carrier", *(f"line-{number}" for number in range(1, 6)))
    drawn = ladder(Trace(call_id="c", sip_call_id="s", parties=parties, messages=tuple(dialled), dropped=3))
    lines = list(ladder_lines(drawn))
    heads = [line.split() for line in lines if "switch" in line and "|" not in line]
    assert heads == [
        ["carrier", "switch", "line-1", "line-2", "line-3"],
        ["carrier", "switch", "line-4", "line-2", "line-3"],
        ["carrier", "switch", "line-4", "line-5", "line-3"],
    ]
    assert lines[-1].startswith("  (3 messages")
    assert max(map(len, lines[7:])) <= WIDTH


def test_a_call_without_lines_has_two_columns() -> None:
    trace = Trace(call_id="", sip_call_id="s", parties=("carrier",), messages=(message("INVITE sip:1 SIP/2.0"),))
    lines = list(ladder_lines(ladder(trace)))
    assert lines[0] == "SIP of an INVITE that became no call, Call-ID s"
    assert lines[-1] == "    +0.000  |---------- INVITE ---------->|"
    assert list(ladder_lines(ladder(Trace(call_id="c", sip_call_id="s", parties=("carrier",), messages=()))))


def test_messages_are_shown_in_full_a_retransmitted_one_once() -> None:
    text = "\n".join(message_lines(call()))
    assert text.count("--- +") == 11
    assert "--- +0.000 level3 udp:198.51.100.7:5080 -> switch udp:192.0.2.1:5060 (3 times, last at +1.500)" in text
    assert "--- +0.002 switch udp:192.0.2.1:5060 -> acme-east udp:203.0.113.10:5060\n" in text
    assert text.count("m=audio 6000") == 5


def test_what_was_written_is_read() -> None:
    assert decode(encode(call())) == call()
