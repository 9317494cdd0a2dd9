"""PURE. Says where a leg's audio goes: what SDP agreed on, and what NAT made of it, as the worker's `RemoteMedia`."""

from ipaddress import ip_address

from media.control import Latch, RemoteMedia, Srtp, SrtpSuite
from switch.sip.flow import is_private
from switch.sip.headers import cached
from switch.sip.offer_answer import NegotiatedMedia
from switch.sip.peer import DEFAULT_PEER, DtmfMode, PeerProfile
from switch.sip.sdp import PTIME_MS, Direction, Format


def media_host(sdp_host: str, source: str, *, nat: bool) -> str:
    """Returns where audio for `sdp_host` is sent: `source`, where the signalling comes from, if that is public and `sdp_host` is not, and
    both are of one family; `nat` False: not for that. A host that is a name is not looked up: audio goes to `source` until the first packet
    says better."""
    if not _is_literal(sdp_host):
        return source
    is_of_both = (":" in source) is (":" in sdp_host)
    if not nat or not is_of_both or not is_private(sdp_host) or is_private(source):
        return sdp_host
    return source


def remote_media(
    agreement: NegotiatedMedia,
    *,
    host: str,
    ours: tuple[Format, ...],
    our_dtmf: int | None,
    peer: PeerProfile = DEFAULT_PEER,
    told: Direction = Direction.SENDRECV,
) -> RemoteMedia:
    """Returns the far end of what was agreed on, at `host` (see `media_host`). `ours`, `our_dtmf`: what we listed, which may come as well
    as what the peer listed (RFC 3264 §5.1: a side sends by the other's numbers; some send by their own). `told`: the direction that we
    said; who was told less than sendrecv is held, whatever it answers (some phones answer hold with sendrecv)."""
    stream, keys = agreement.stream, agreement.srtp
    return RemoteMedia(
        host=host,
        port=stream.port,
        codec=agreement.format.codec,
        payload_type=agreement.format.payload_type,
        dtmf_type=agreement.dtmf_type,
        cn_type=agreement.cn_type,
        takes_tones=agreement.dtmf_type is None and peer.dtmf is not DtmfMode.INFO,
        audio_types={each.payload_type: each.codec for each in (*stream.formats, *ours)},
        ptime_ms=stream.ptime_ms or PTIME_MS,
        opus=stream.opus,
        dtmf_types=() if our_dtmf is None or agreement.dtmf_type is None else (our_dtmf,),
        sends=stream.direction.sends,
        receives=stream.direction.receives,
        latch=Latch(peer.latch.value),
        follows_nat=peer.follows_nat,
        learns=not _is_literal(stream.host),
        rtcp_mux=stream.rtcp_mux,
        rtcp_port=stream.rtcp_port,
        held=stream.direction is not Direction.SENDRECV or told is not Direction.SENDRECV,
        srtp=None if keys is None else Srtp(suite=SrtpSuite(keys.suite.value), send=keys.send, receive=keys.receive),
    )


@cached
def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
