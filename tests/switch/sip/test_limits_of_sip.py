"""Named limits of SIP and SDP, each at the limit and one past it, where no other test of the part stands right there."""

import pytest
from sip_world import PEER, Solo, request

from switch.sip.fact import InviteReceived
from switch.sip.headers import parse_reason_q850, parse_uint, parse_via
from switch.sip.message import Request, parse
from switch.sip.peer import DEFAULT_PEER
from switch.sip.sdp import parse_sdp
from switch.sip.telephone import user_of
from switch.sip.transaction import Transactions


@pytest.mark.parametrize(("cause", "read"), [(127, 127), (128, None)])
def test_a_cause_is_seven_bits(cause: int, read: int | None) -> None:
    assert parse_reason_q850(f"Q.850;cause={cause}") == read


@pytest.mark.parametrize(("digits", "read"), [(20, 1), (21, None)])
def test_a_number_has_at_most_so_many_digits(digits: int, read: int | None) -> None:
    assert parse_uint("1".zfill(digits), 10) == read


@pytest.mark.parametrize(("port", "read"), [(65_535, True), (65_536, False)])
def test_a_port_is_sixteen_bits(port: int, read: bool) -> None:  # noqa: FBT001 a column of the table
    assert (parse_via(f"SIP/2.0/UDP host:{port};branch=z9hG4bKa") is not None) is read


@pytest.mark.parametrize(("chars", "kept"), [(64, True), (65, False)])
def test_a_users_name_has_at_most_so_many_characters(chars: int, kept: bool) -> None:  # noqa: FBT001 a column of the table
    assert user_of(f"sip:{'u' * chars}@host") == ("u" * chars if kept else "")


@pytest.mark.parametrize(("hops", "read"), [(255, True), (256, False)])
def test_max_forwards_is_one_octet(hops: int, read: bool) -> None:  # noqa: FBT001 a column of the table
    asked = request("OPTIONS").replace(b"Max-Forwards: 70", f"Max-Forwards: {hops}".encode())
    assert f"Max-Forwards: {hops}\r\n".encode() in asked
    assert isinstance(parse(asked), Request) is read


@pytest.mark.parametrize(("number", "known"), [(127, True), (128, False)])
def test_a_payload_type_is_seven_bits(number: int, known: bool) -> None:  # noqa: FBT001 a column of the table
    lines = ["v=0", "o=- 1 1 IN IP4 198.51.100.7", "s=-", "c=IN IP4 198.51.100.7", "t=0 0"]
    lines += [f"m=audio 20000 RTP/AVP 0 {number}", f"a=rtpmap:{number} telephone-event/8000"]
    description = parse_sdp("".join(f"{line}\r\n" for line in lines).encode())
    assert description is not None
    (media,) = description.media
    assert (number in dict(media.codecs)) is known


@pytest.mark.parametrize(("written", "read"), [(1_000, 1_000), (1_001, None)])
def test_a_packet_lasts_a_second_at_most(written: int, read: int | None) -> None:
    lines = ["v=0", "o=- 1 1 IN IP4 198.51.100.7", "s=-", "c=IN IP4 198.51.100.7", "t=0 0"]
    lines += ["m=audio 20000 RTP/AVP 0", f"a=ptime:{written}"]
    description = parse_sdp("".join(f"{line}\r\n" for line in lines).encode())
    assert description is not None
    (media,) = description.media
    assert media.ptime_ms == read


def test_a_second_invite_is_asked_to_wait_for_up_to_so_long() -> None:
    """RFC 3261 §14.2. The wait is drawn from the token, so many tokens give every wait."""
    solo = Solo()
    waits = {solo.agent._core.retry_after_s() for _ in range(1_000)}
    assert waits == set(range(11))


def test_ten_thousand_legs_are_live_and_the_next_one_gets_503() -> None:
    solo = Solo()
    for number in range(10_001):
        solo.agent.receive(request("INVITE", branch=f"z9hG4bKp{number}", call_id=f"call-{number}"), PEER, 0, peer=DEFAULT_PEER)
    statuses = [invited.reject_status for invited in solo.facts() if isinstance(invited, InviteReceived)]
    assert statuses == [*[None] * 10_000, 503]


@pytest.mark.parametrize(("live", "told"), [(99_999, "100 INVITE"), (100_000, "503 INVITE")])
def test_from_a_hundred_thousand_transactions_on_an_invite_gets_503(monkeypatch: pytest.MonkeyPatch, live: int, told: str) -> None:
    """So many take a minute to be made: their number is given out."""
    monkeypatch.setattr(Transactions, "__len__", lambda _: live)
    assert Solo().hear(request("INVITE")) == [told]
