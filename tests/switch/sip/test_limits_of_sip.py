"""Named limits of SIP and SDP, each at the limit and one past it, where no other test of the part stands right there."""

import pytest
from sip_world import Solo, request

from switch.sip.core import MAX_RETRY_AFTER_S
from switch.sip.headers import MAX_DIGITS, MAX_PORT, MAX_Q850, MAX_USER_CHARS, parse_reason_q850, parse_uint, parse_via, user_of
from switch.sip.message import MAX_FORWARDS, Request, parse
from switch.sip.sdp import MAX_PAYLOAD_TYPE, parse_sdp


@pytest.mark.parametrize(("cause", "read"), [(MAX_Q850, MAX_Q850), (MAX_Q850 + 1, None)])
def test_a_cause_is_seven_bits(cause: int, read: int | None) -> None:
    assert parse_reason_q850(f"Q.850;cause={cause}") == read


@pytest.mark.parametrize(("digits", "read"), [(MAX_DIGITS, 1), (MAX_DIGITS + 1, None)])
def test_a_number_has_at_most_so_many_digits(digits: int, read: int | None) -> None:
    assert parse_uint("1".zfill(digits), 10) == read


@pytest.mark.parametrize(("port", "read"), [(MAX_PORT, True), (MAX_PORT + 1, False)])
def test_a_port_is_sixteen_bits(port: int, read: bool) -> None:  # noqa: FBT001 a column of the table
    assert (parse_via(f"SIP/2.0/UDP host:{port};branch=z9hG4bKa") is not None) is read


@pytest.mark.parametrize(("chars", "kept"), [(MAX_USER_CHARS, True), (MAX_USER_CHARS + 1, False)])
def test_a_users_name_has_at_most_so_many_characters(chars: int, kept: bool) -> None:  # noqa: FBT001 a column of the table
    assert user_of(f"sip:{'u' * chars}@host") == ("u" * chars if kept else "")


@pytest.mark.parametrize(("hops", "read"), [(MAX_FORWARDS, True), (MAX_FORWARDS + 1, False)])
def test_max_forwards_is_one_octet(hops: int, read: bool) -> None:  # noqa: FBT001 a column of the table
    asked = request("OPTIONS").replace(b"Max-Forwards: 70", f"Max-Forwards: {hops}".encode())
    assert f"Max-Forwards: {hops}\r\n".encode() in asked
    assert isinstance(parse(asked), Request) is read


@pytest.mark.parametrize(("number", "known"), [(MAX_PAYLOAD_TYPE, True), (MAX_PAYLOAD_TYPE + 1, False)])
def test_a_payload_type_is_seven_bits(number: int, known: bool) -> None:  # noqa: FBT001 a column of the table
    lines = ["v=0", "o=- 1 1 IN IP4 198.51.100.7", "s=-", "c=IN IP4 198.51.100.7", "t=0 0"]
    lines += [f"m=audio 20000 RTP/AVP 0 {number}", f"a=rtpmap:{number} telephone-event/8000"]
    description = parse_sdp("".join(f"{line}\r\n" for line in lines).encode())
    assert description is not None
    (media,) = description.media
    assert (number in dict(media.codecs)) is known


def test_a_second_invite_is_asked_to_wait_for_up_to_so_long() -> None:
    """RFC 3261 §14.2. The wait is drawn from the token, so many tokens give every wait."""
    solo = Solo()
    waits = {solo.agent._core.retry_after_s() for _ in range(1_000)}
    assert waits == set(range(MAX_RETRY_AFTER_S + 1))
