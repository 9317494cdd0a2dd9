"""Where audio goes: the address in SDP, or where the signalling comes from."""

import pytest

from media.control import Latch
from switch.codec import Codec
from switch.engine.remote import media_host, remote_media
from switch.sip.offer_answer import OFFERED, AudioStream, NegotiatedMedia
from switch.sip.peer import DtmfMode, LatchMode, PeerProfile
from switch.sip.sdp import Direction, Format

PUBLIC = "203.0.113.7"
PUBLIC6 = "2001:db8::7"


@pytest.mark.parametrize(
    ("host", "source", "to"),
    [
        ("10.1.2.3", PUBLIC, PUBLIC),
        ("172.16.0.1", PUBLIC, PUBLIC),
        ("172.31.255.255", PUBLIC, PUBLIC),
        ("172.32.0.0", PUBLIC, "172.32.0.0"),
        ("192.168.0.9", PUBLIC, PUBLIC),
        ("100.64.0.1", PUBLIC, PUBLIC),
        ("100.127.255.255", PUBLIC, PUBLIC),
        ("100.128.0.0", PUBLIC, "100.128.0.0"),
        ("169.254.1.1", PUBLIC, PUBLIC),
        ("127.0.0.1", PUBLIC, PUBLIC),
        ("127.0.0.1", "127.0.0.2", "127.0.0.1"),
        ("10.1.2.3", "192.168.0.1", "10.1.2.3"),
        ("198.51.100.8", PUBLIC, "198.51.100.8"),
        ("198.51.100.8", "10.0.0.1", "198.51.100.8"),
        ("0.0.0.0", PUBLIC, "0.0.0.0"),
        ("2001:db8::1", PUBLIC, "2001:db8::1"),
        ("10.1.2.3", PUBLIC6, "10.1.2.3"),
        ("fc00::1", PUBLIC6, PUBLIC6),
        ("fdff:ffff::1", PUBLIC6, PUBLIC6),
        ("fbff::1", PUBLIC6, "fbff::1"),
        ("fe00::1", PUBLIC6, "fe00::1"),
        ("fe80::1", PUBLIC6, PUBLIC6),
        ("febf::1", PUBLIC6, PUBLIC6),
        ("fec0::1", PUBLIC6, "fec0::1"),
        ("::1", PUBLIC6, PUBLIC6),
        ("::1", "::1", "::1"),
        ("fd00::1", "fd00::2", "fd00::1"),
        ("fd00::1", PUBLIC, "fd00::1"),
        ("2001:db8::1", "fd00::2", "2001:db8::1"),
        ("::", PUBLIC6, "::"),
    ],
)
def test_a_private_address_behind_a_public_source(host: str, source: str, to: str) -> None:
    assert media_host(host, source, nat=True) == to
    assert media_host(host, source, nat=False) == host


def agreement(host: str, *, dtmf_type: int | None = 96) -> NegotiatedMedia:
    formats = (Format(110, Codec.PCMA), Format(0, Codec.PCMU))
    stream = AudioStream(host=host, port=4_000, formats=formats, dtmf_type=dtmf_type, direction=Direction.SENDONLY)
    return NegotiatedMedia(body=b"", host="192.0.2.1", stream=stream, format=formats[0], dtmf_type=dtmf_type)


@pytest.mark.parametrize("nat", [True, False])
def test_a_name_is_not_looked_up(nat: bool) -> None:  # noqa: FBT001 - a table's column
    host = media_host("media.example", PUBLIC, nat=nat)
    remote = remote_media(agreement("media.example"), host=host, ours=(), our_dtmf=None)
    assert (remote.host, remote.port, remote.learns) == (PUBLIC, 4_000, True)


def test_what_may_come_is_what_either_side_listed() -> None:
    remote = remote_media(agreement("198.51.100.8"), host="198.51.100.8", ours=OFFERED, our_dtmf=101)
    assert (remote.codec, remote.payload_type, remote.dtmf_type) == (8, 110, 96)
    assert (remote.audio_types, remote.dtmf_types) == ({110: 8, 0: 0, 8: 8}, (101,))
    assert (remote.sends, remote.receives, remote.learns) == (True, False, False)


@pytest.mark.parametrize(
    ("dtmf", "dtmf_type", "takes_tones"),
    [(DtmfMode.AUTO, 96, False), (DtmfMode.AUTO, None, True), (DtmfMode.RTP, None, True), (DtmfMode.INFO, None, False)],
)
def test_who_has_no_events_gets_tones_unless_it_gets_info(dtmf: DtmfMode, dtmf_type: int | None, takes_tones: bool) -> None:  # noqa: FBT001 - a table's column
    agreed = agreement("198.51.100.8", dtmf_type=dtmf_type)
    remote = remote_media(agreed, host="198.51.100.8", ours=(), our_dtmf=None, peer=PeerProfile(dtmf=dtmf))
    assert remote.takes_tones is takes_tones


def test_where_its_packets_may_come_from_is_as_configured() -> None:
    peer = PeerProfile(latch=LatchMode.STRICT, follows_nat=True)
    remote = remote_media(agreement("198.51.100.8"), host="198.51.100.8", ours=(), our_dtmf=None, peer=peer)
    assert (remote.latch, remote.follows_nat) == (Latch.STRICT, True)
    assert {each.value for each in Latch} == {each.value for each in LatchMode}


def test_events_that_the_peer_does_not_know_do_not_come() -> None:
    remote = remote_media(agreement("198.51.100.8", dtmf_type=None), host="198.51.100.8", ours=OFFERED, our_dtmf=101)
    assert (remote.dtmf_type, remote.dtmf_types) == (None, ())
