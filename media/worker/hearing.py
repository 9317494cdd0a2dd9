"""Who of two bridged legs is heard by the other: what the engine is told of it, and when. Handles no packets.

Most calls cost one report: the first side that is heard is told together with the other one, where that follows soon.
"""

from collections.abc import Callable

from media.control import Heard, Quiet
from media.worker.leg import Leg
from media.worker.liveness import sends_rtcp

TELL_NS = 1_000_000_000
"""How long the first side that is heard waits for the other; `tell` is called once a second."""
QUIET_NS = 5_000_000_000
"""Nobody is heard for so long: the engine is told."""


def hear_first(leg: Leg, now_ns: int, report: Callable[[Heard], None]) -> None:
    """The first audio of a leg since it was bridged, or quiet, goes to its partner. After quiet it is told at once: talk that ended then
    would lack all of it."""
    partner = leg.partner
    if partner is None:
        return
    was_quiet = leg.is_quiet or partner.is_quiet
    leg.is_quiet = partner.is_quiet = False
    leg.is_heard = True
    if not partner.is_heard and not was_quiet:
        leg.untold_ns = now_ns
        return
    leg.untold_ns = partner.untold_ns = None
    report(Heard(port=leg.port, at_ns=now_ns, both=partner.is_heard))


def tell(leg: Leg, now_ns: int, report: Callable[[Heard | Quiet], None], *, rtcp_timeout_ns: int) -> None:
    """What time has made known of a leg and its partner."""
    if leg.untold_ns is not None and now_ns - leg.untold_ns >= TELL_NS:
        report(Heard(port=leg.port, at_ns=leg.untold_ns, both=False))
        leg.untold_ns = None
    partner = leg.partner
    if partner is None or leg.port > partner.port or (leg.is_awaited and partner.is_awaited and leg.is_quiet):
        return
    since_ns = max(_passed_on_ns(leg), _passed_on_ns(partner))
    waits_ns = max(since_ns, leg.silence_from_ns, partner.silence_from_ns)  # who has just resumed is not quiet yet
    if now_ns - waits_ns < QUIET_NS or _is_excused(leg, now_ns, rtcp_timeout_ns) or _is_excused(partner, now_ns, rtcp_timeout_ns):
        return
    leg.is_quiet = True
    leg.await_audio()
    partner.await_audio()
    report(Quiet(port=leg.port, since_ns=since_ns))


def _passed_on_ns(leg: Leg) -> int:
    return leg.bridged_ns if leg.is_awaited or leg.last_ns is None else max(leg.bridged_ns, leg.last_ns)


def _is_excused(leg: Leg, now_ns: int, rtcp_timeout_ns: int) -> bool:
    peer = leg.peer
    is_on_hold = peer is not None and (peer.held or not peer.sends or not peer.receives)
    return is_on_hold or sends_rtcp(leg, now_ns, rtcp_timeout_ns)
