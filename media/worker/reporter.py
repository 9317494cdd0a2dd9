"""Sends each leg's RTCP reports when they are due (RFC 3550 §6.3), and its BYE. Uses legs and their sockets.

Of two members, reports every five seconds take less than a twentieth of what G.711 takes: the interval is the least that the RFC has.
Half of it at first, then by chance between half and one and a half times as long.
"""

from collections.abc import Callable
from random import SystemRandom

from media.rtp.rtcp import SenderInfo, build
from media.worker.leg import Leg
from media.worker.path import Address
from media.worker.sockets import DatagramSocket
from switch.timer_heap import TimerHeap

INTERVAL_NS = 5_000_000_000
COMPENSATION = 2.71828 - 1.5
"""Intervals are divided by this, so that their mean comes out right (RFC 3550 §6.3.1)."""
MAX_PORT = 65_535
_CHANCE = SystemRandom().random


class Reporter:
    """`chance`: gives numbers in [0, 1)."""

    __slots__ = ("_chance", "_due")

    def __init__(self, chance: Callable[[], float] = _CHANCE) -> None:
        self._chance = chance
        self._due: TimerHeap[Leg] = TimerHeap()

    def start(self, leg: Leg, now_ns: int) -> None:
        """The leg is open from now on."""
        self._schedule(leg, now_ns, INTERVAL_NS // 2)

    def next_ns(self) -> int | None:
        """Returns when `send_due` has something to do."""
        return self._due.next_at()

    def send_due(self, now_ns: int) -> None:
        while (leg := self._due.pop_due(now_ns)) is not None:
            if leg.is_open:
                self._send(leg, now_ns)
                self._schedule(leg, now_ns, INTERVAL_NS)

    def stop(self, leg: Leg, now_ns: int) -> None:
        """The leg is being closed: BYE, where the far end has had anything of us (§6.3.7)."""
        leg.is_open = False
        if leg.sent or leg.rtcp.sent_before is not None:
            self._send(leg, now_ns, with_bye=True)

    def _schedule(self, leg: Leg, now_ns: int, interval_ns: int) -> None:
        self._due.add(now_ns + int(interval_ns * (0.5 + self._chance()) / COMPENSATION), leg)

    def _send(self, leg: Leg, now_ns: int, *, with_bye: bool = False) -> None:
        way = destination(leg)
        if way is None:
            return
        sock, address = way
        told = report(leg, now_ns, with_bye=with_bye)
        try:
            sock.sendto(memoryview(told if leg.srtp is None else leg.srtp.encrypted_rtcp(told)), address)
        except OSError:
            return  # as any datagram may be lost


def report(leg: Leg, now_ns: int, *, with_bye: bool = False) -> bytes:
    """Returns what there is to report now: a sender report where RTP was sent since the last one."""
    session = leg.rtcp
    lsr, dlsr = session.last_report(now_ns)
    block = leg.reception.block(lsr=lsr, dlsr=dlsr)
    info = None
    if leg.sent > (session.sent_before or 0):
        info = SenderInfo(
            ntp=session.ntp(now_ns),
            timestamp=leg.stream.wall_timestamp(now_ns),
            packets=leg.sent - session.packets_before,
            octets=leg.sent_octets - session.octets_before,
        )
    session.sent_before = leg.sent
    return build(ssrc=session.ssrc, cname=session.cname, info=info, blocks=() if block is None else (block,), with_bye=with_bye)


def destination(leg: Leg) -> tuple[DatagramSocket, Address] | None:
    """Returns where reports go, and by which socket: with RTP, where that was agreed on (RFC 5761); else to where the far end's RTCP comes
    from, before that to the port it named (RFC 3605) or the one behind RTP's, of the host that RTP goes to. None: nowhere yet."""
    peer, address, session = leg.peer, leg.address, leg.rtcp
    if peer is None or address is None:
        return None
    if peer.rtcp_mux:
        return leg.sock, address
    if session.sock is None:
        return None
    if session.source is not None and session.source[0] == address[0]:
        return session.sock, session.source
    port = address[1] + 1 if peer.rtcp_port is None else peer.rtcp_port
    if not 0 < port <= MAX_PORT:
        return None
    return session.sock, (address[0], port) if len(address) == 2 else (address[0], port, *address[2:])
