"""Who of two bridged legs is heard: told once, together where that is soon, and what silence of both is."""

import pytest
from bridged_legs import CALLER, LINE, MS, World
from msgspec.structs import replace

from media.control import Bridge, Heard, Play, Quiet, RemoteMedia, Report, SetRemote, StopPlay, Unbridge
from media.rtp.packet import RtpPacket, build
from media.rtp.telephone_event import press

S = 1_000 * MS
A, B = 20_000, 20_002
AT = {A: CALLER, B: LINE}


class Talk(World):
    """Two bridged legs that send what they are told to, and a board that keeps time once a second."""

    def say(self, port: int, *, at_ms: int, payload_type: int = 0) -> None:
        self.tick(at_ms)
        self._frames += 1
        self.send(
            port, RtpPacket(payload_type=payload_type, sequence=self._frames, timestamp=8 * at_ms, ssrc=port, payload=b"\1" * 160)
        )

    def send(self, port: int, packet: RtpPacket) -> None:
        data = build(packet)
        self.forwarder.buffer[: len(data)] = data
        self.forwarder.datagram(self.legs[port], len(data), AT[port], self.now_ns)

    def tick(self, at_ms: int) -> None:
        """Time goes by until then."""
        for at_ns in range((self.now_ns // S + 1) * S, at_ms * MS + 1, S):
            self.now_ns = at_ns
            self.board.report_silence(at_ns)
        self.now_ns = at_ms * MS

    @property
    def told(self) -> list[Report]:
        return [report for report in self.reports if isinstance(report, Heard | Quiet)]


def test_two_sides_that_are_heard_soon_are_one_report() -> None:
    talk = Talk()
    talk.say(A, at_ms=100)
    talk.say(A, at_ms=120)
    talk.say(B, at_ms=900)
    talk.tick(4_000)
    assert talk.told == [Heard(port=B, at_ns=900 * MS, both=True)]


def test_a_side_alone_is_told_within_two_seconds_and_the_other_when_it_is_heard() -> None:
    talk = Talk()
    talk.say(B, at_ms=100)
    talk.tick(1_999)
    assert talk.told == []
    talk.tick(2_000)
    assert talk.told == [Heard(port=B, at_ns=100 * MS, both=False)]
    talk.say(A, at_ms=4_000)
    talk.tick(8_000)
    assert talk.told[1:] == [Heard(port=A, at_ns=4 * S, both=True)]


def test_what_does_not_go_to_the_partner_is_not_heard_by_it() -> None:
    """Nor is a payload type that was not agreed on, nor a key."""
    talk = Talk()
    talk.do(SetRemote(port=B, peer=RemoteMedia(host=LINE[0], port=LINE[1], receives=False)))
    talk.say(A, at_ms=100)
    talk.do(SetRemote(port=B, peer=RemoteMedia(host=LINE[0], port=LINE[1], dtmf_type=96)))
    talk.say(A, at_ms=200, payload_type=9)
    for packet in press("1", RtpPacket(payload_type=96, sequence=900, timestamp=0, ssrc=5)):
        talk.send(B, packet)
    talk.tick(3_000)
    assert talk.told == []
    talk.say(A, at_ms=3_010)
    talk.tick(5_010)
    assert talk.told == [Heard(port=A, at_ns=3_010 * MS, both=False)]


@pytest.mark.parametrize("order", [Unbridge(port=A), Play(port=A, play=1, prompt="none")])
def test_a_new_bridge_begins_anew(order: Unbridge | Play) -> None:
    talk = Talk()
    talk.say(A, at_ms=100)
    talk.say(B, at_ms=100)
    talk.do(order)
    talk.do(StopPlay(port=A))
    talk.do(Bridge(a=B, b=A))
    talk.say(A, at_ms=500)
    talk.say(B, at_ms=520)
    assert talk.told == [Heard(port=B, at_ns=100 * MS, both=True), Heard(port=B, at_ns=520 * MS, both=True)]


def test_when_nobody_is_heard_that_is_told_once_until_somebody_is() -> None:
    talk = Talk()
    talk.tick(4_999)
    assert talk.told == []
    talk.tick(9_000)
    assert talk.told == [Quiet(port=A, since_ns=0)]
    talk.say(B, at_ms=9_500)
    talk.tick(15_000)
    assert talk.told[1:] == [Heard(port=B, at_ns=9_500 * MS, both=False), Quiet(port=A, since_ns=9_500 * MS)]


@pytest.mark.parametrize("port", [A, B])
def test_who_resumes_has_as_long_as_who_is_bridged(port: int) -> None:
    """Else a BYE behind the resume would take the whole hold from talk."""
    talk = Talk()
    talk.say(A, at_ms=100)
    talk.say(B, at_ms=200)
    peer = talk.legs[port].peer
    assert peer is not None
    talk.do(SetRemote(port=port, peer=replace(peer, held=True)))
    talk.tick(60_000)
    talk.do(SetRemote(port=port, peer=peer))
    talk.tick(64_999)
    assert talk.told[1:] == []
    talk.tick(65_000)
    assert talk.told[1:] == [Quiet(port=A, since_ns=200 * MS)]


@pytest.mark.parametrize("port", [A, B])
def test_who_ends_the_quiet_is_told_at_once(port: int) -> None:
    """Talk that ended within the second would lack all that was quiet."""
    talk = Talk()
    talk.tick(6_000)
    talk.say(port, at_ms=8_100)
    assert talk.told == [Quiet(port=A, since_ns=0), Heard(port=port, at_ns=8_100 * MS, both=False)]
    talk.say(A + B - port, at_ms=8_200)
    assert talk.told[2:] == [Heard(port=A + B - port, at_ns=8_200 * MS, both=True)]


def test_who_was_heard_stays_so_when_both_were_quiet_meanwhile() -> None:
    talk = Talk()
    talk.say(A, at_ms=100)
    talk.say(B, at_ms=200)
    talk.tick(6_000)
    talk.say(A, at_ms=6_100)
    talk.tick(9_000)
    talk.say(B, at_ms=9_100)
    talk.tick(20_000)
    assert talk.told == [
        Heard(port=B, at_ns=200 * MS, both=True),
        Quiet(port=A, since_ns=200 * MS),
        Heard(port=A, at_ns=6_100 * MS, both=True),
        Heard(port=B, at_ns=9_100 * MS, both=True),
        Quiet(port=A, since_ns=9_100 * MS),
    ]


@pytest.mark.parametrize("port", [A, B])
@pytest.mark.parametrize("changes", [{"held": True}, {"sends": False}, {"receives": False}])
def test_on_hold_nobody_is_quiet(port: int, changes: dict[str, bool]) -> None:
    talk = Talk()
    peer = talk.legs[port].peer
    assert peer is not None
    talk.do(SetRemote(port=port, peer=replace(peer, **changes)))
    talk.tick(60_000)
    assert talk.told == []


def test_rtcp_is_a_sign_that_there_is_somebody() -> None:
    talk = Talk()
    for second in range(0, 60, 5):
        talk.tick(1_000 * second)
        talk.legs[B].hear_rtcp(memoryview(b"\x80\xc9\x00\x01\x00\x00\x12\x34"), LINE, talk.now_ns)
    assert talk.told == []


def test_rtcp_of_before_a_reinvite_says_nothing_of_who_is_there_now() -> None:
    talk = Talk()
    talk.say(A, at_ms=100)
    talk.say(B, at_ms=120)
    talk.now_ns = 2_000 * MS
    talk.legs[B].hear_rtcp(memoryview(b"\x80\xc9\x00\x01\x00\x00\x12\x34"), LINE, talk.now_ns)
    talk.now_ns = 2_100 * MS
    talk.do(SetRemote(port=B, peer=RemoteMedia(host=LINE[0], port=LINE[1] + 10)))
    talk.tick(9_000)
    assert talk.told[1:] == [Quiet(port=A, since_ns=120 * MS)]
