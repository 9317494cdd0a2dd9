"""Since when a leg's peer is silent, and for how long that is too long. Handles no packets.

A peer that need not send, on hold or by its SDP, is alive as long as its partner is; one that sends RTCP is alive.
"""

from media.worker.leg import Leg


def lost_since(leg: Leg, now_ns: int, *, rtp_timeout_ns: int, hold_timeout_ns: int) -> int | None:
    """Since when a peer is silent that has been so for too long; None where it has not, or that was reported already."""
    peer, partner = leg.peer, leg.partner
    if peer is None:
        return None
    since = _heard_ns(leg)
    if not peer.sends and partner is not None and partner.peer is not None:
        since = max(since, _heard_ns(partner))
    has_moved = peer.moved and (leg.last_ns is None or leg.last_ns < leg.silence_from_ns)
    is_patient = peer.held or not peer.sends or has_moved or sends_rtcp(leg, now_ns, rtp_timeout_ns)
    if since == leg.silence_told_ns or now_ns - since < (hold_timeout_ns if is_patient else rtp_timeout_ns):
        return None
    return since


def last_heard_ns(leg: Leg) -> int | None:
    """Returns when the last packet came, of a peer that need not send or of its partner."""
    partner = leg.partner
    legs = (leg,) if partner is None or (leg.peer is not None and leg.peer.sends) else (leg, partner)
    return max((each.last_ns for each in legs if each.last_ns is not None), default=None)


def sends_rtcp(leg: Leg, now_ns: int, timeout_ns: int) -> bool:
    return leg.rtcp_ns is not None and now_ns - leg.rtcp_ns < timeout_ns


def _heard_ns(leg: Leg) -> int:
    return leg.silence_from_ns if leg.last_ns is None else max(leg.silence_from_ns, leg.last_ns)
