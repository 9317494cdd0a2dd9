"""What peers send malformed, seen from the engine: calls go on, records can be kept, refused INVITEs leave one, the log is bounded."""

from dataclasses import replace

import pytest
from engine_world import CARRIER, EAST, STRANGER, World, line, plan
from structlog.testing import capture_logs

from routing.expression import Kind
from switch.call.record import FinalState
from switch.effect_log import write_log
from switch.engine.effect import LogNat, LogPeer
from switch.engine.journal_line import recover_call
from switch.sip import offer_answer
from switch.sip.flow import Flow

OFFER = offer_answer.offer(host="198.51.100.8", port=6_000, session_id=1, version=1)
HOUR_MS = 3_600_000


def invite(*lines: bytes, uri: bytes = b"sip:18005550100@192.0.2.1", call_id: bytes = b"odd", body: bytes = OFFER) -> bytes:
    head = [
        b"INVITE %b SIP/2.0" % uri,
        b"Via: SIP/2.0/UDP 198.51.100.7:5080;rport;branch=z9hG4bK" + call_id,
        b'From: "J\xfcrgen" <sip:+12125550199@198.51.100.7>;tag=ct',
        b"To: <sip:18005550100@192.0.2.1>",
        b"Call-ID: " + call_id,
        b"CSeq: 1 INVITE",
        b"Contact: <sip:carrier@198.51.100.7:5080>",
        *lines,
        b"Content-Length: %d" % len(body),
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


class Listening(World):
    """`logged`: what the switch logs of peers. `answers`: what it sends to the carrier, as octets."""

    logged: list[LogPeer]
    answers: list[bytes]

    def hear(self, data: bytes, source: Flow = CARRIER) -> None:
        self.engine.datagram(data, source, self.at())
        self.flush()

    def fly(self, data: bytes, source: Flow, target: Flow) -> None:
        if target == CARRIER:
            self.answers = [*getattr(self, "answers", []), data]
        super().fly(data, source, target)

    def flush(self) -> None:
        super().flush()
        self.logged = [effect for effect in self.effects if isinstance(effect, LogPeer)]


def test_a_call_whose_names_are_latin1_is_recorded_and_can_be_recovered() -> None:
    """The Call-ID and a tag hold octets that are no UTF-8, which neither the journal nor a database could keep."""
    with_tag = replace(plan(line("east", EAST)), headers={"x-city": ("city", Kind.TEXT)}, tag_kinds={"city": Kind.TEXT})
    world = Listening(with_tag)
    world.line_phone(EAST)
    world.hear(invite(b"X-City: M\xfcnchen", call_id=b"na\xefve"))
    world.run(5_000)
    world.engine.stop(world.at())
    world.run(120_000)
    (judged,) = world.records
    assert judged.record.attempts
    assert judged.record.sip_call_id == "naïve"
    assert judged.record.ani == "+12125550199"
    assert judged.record.tags["city"] == "München"
    assert recover_call([payload for _, payload in world.journal]).record.sip_call_id == "naïve"
    assert world.complaints == []
    assert all(
        b'From: "J\xfcrgen" <sip:+12125550199@198.51.100.7>;tag=ct\r\n' in wire for wire in world.answers if wire[:3] == b"SIP"
    )
    assert world.logged[0].what == "not UTF-8: Via, From, Call-ID, X-City"


REFUSED = {
    "unsupported_body": (invite(b"Content-Type: text/plain"), 415, b"\r\nAccept: application/sdp, multipart/mixed\r\n"),
    "unsupported_body by encoding": (invite(b"Content-Encoding: gzip"), 415, b"\r\nAccept-Encoding: identity\r\n"),
    "unsupported_uri": (invite(uri=b"isbn:2983792873"), 416, b""),
    "sdp_refused": (invite(b"Accept: text/plain"), 406, b""),
    "bad_extension": (invite(b"Require: nothing-we-know"), 420, b"\r\nUnsupported: nothing-we-know\r\n"),
    "bad_request": (invite(uri=b"sip:a@b@c"), 400, b""),
}


@pytest.mark.parametrize(("cause", "refused"), REFUSED.items(), ids=REFUSED)
def test_an_invite_that_sip_refuses_leaves_a_record_that_says_why(cause: str, refused: tuple[bytes, int, bytes]) -> None:
    data, status, named = refused
    world = Listening(plan(line("east", EAST)))
    world.hear(data)
    assert world.answers[-1].startswith(b"SIP/2.0 %d " % status)
    assert named in world.answers[-1]
    world.run(120_000)
    (judged,) = world.records
    assert judged.record.sip_code == status
    assert judged.record.ended_detail == cause.split(maxsplit=1)[0]
    assert judged.record.final_state is FinalState.REJECTED_NOT_ACCEPTABLE
    assert world.sip.statistics.snapshot()[f"refused_{status}"] == {CARRIER.host: 1}
    assert set(world.sip.live_counts().values()) == {0}


def odd_options(number: int) -> bytes:
    return invite(b"Bogus", call_id=b"%d" % number, body=b"").replace(b"INVITE", b"OPTIONS")


def test_a_trunk_is_logged_ten_times_an_hour_and_counted_always() -> None:
    world = Listening(plan(line("east", EAST)))
    for number in range(25):
        world.hear(odd_options(number))
    assert [each.is_last for each in world.logged] == [False] * 9 + [True]
    assert world.logged[3] == LogPeer(source=CARRIER, what="unreadable header line; not UTF-8: From", sip_call_id="3")
    world.run(HOUR_MS)
    world.hear(odd_options(25))
    assert len(world.logged) == 11
    assert world.sip.statistics.snapshot()["oddity"] == {CARRIER.host: 26}


def test_a_stranger_is_counted_and_not_logged() -> None:
    world = Listening(plan(line("east", EAST)))
    world.hear(odd_options(1), STRANGER)
    world.hear(b"INVITE sip:x", STRANGER)
    assert world.logged == []
    assert world.sip.statistics.snapshot()["stranger"] == {STRANGER.host: 2}


def test_an_oddity_that_comes_with_each_message_of_a_call_is_logged_once() -> None:
    world = Listening(plan(line("east", EAST)))
    world.line_phone(EAST)
    for _ in range(3):
        world.hear(invite(call_id=b"c1"))
    assert [(each.what, each.sip_call_id) for each in world.logged] == [("not UTF-8: From", "c1")]
    world.hear(invite(call_id=b"c2"))
    assert [each.sip_call_id for each in world.logged] == ["c1", "c2"]


def test_a_peer_behind_nat_has_a_word_of_its_own() -> None:
    world = Listening(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.hear(invite(call_id=b"c1").replace(b"carrier@198.51.100.7", b"carrier@192.168.1.7").replace(b"\xfc", b"u"))
    world.run(5_000)
    (noted,) = [effect for effect in world.effects if isinstance(effect, LogNat)]
    assert (noted.source, noted.sip_call_id) == (CARRIER, "c1")
    assert world.logged == []
    assert "oddity" not in world.sip.statistics.snapshot()
    with capture_logs() as lines:
        write_log(noted)
    assert [(each["event"], each["log_level"], each["source"]) for each in lines] == [
        ("peer behind NAT", "info", "198.51.100.7:5080")
    ]


@pytest.mark.parametrize("is_last", [False, True])
def test_what_a_peer_sent_is_logged_as_a_warning(*, is_last: bool) -> None:
    effect = LogPeer(source=CARRIER, what="unbalanced Contact", sip_call_id="c-1", is_last=is_last)
    with capture_logs() as lines:
        write_log(effect)
    (logged,) = lines
    assert logged.pop("further", "") == ("counted, not logged, for up to an hour" if is_last else "")
    assert logged == {
        "event": "odd SIP",
        "log_level": "warning",
        "source": f"{CARRIER.host}:{CARRIER.port}",
        "what": "unbalanced Contact",
        "sip_call_id": "c-1",
    }
