"""The loop: waits for packets, orders and moments, and hands each to the module in charge of it. The only clock of the worker.

One process, one thread, level-triggered epoll, one datagram a turn and socket: a leg that is flooded waits its turn like any other.
A leg has a socket that takes packets from anywhere and, once its far end is known, another one that is connected there (`connect` in
`media/worker/sockets.py`).
Waking up for every single packet is what costs most, so a busy loop makes one turn a millisecond: an added delay no phone can notice.
Whatever goes wrong with one packet or order ends there, is reported once, and leaves all other calls alone.
"""

import os
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns, sleep

from media.control import Quit, Ready, SetPrompts
from media.rtp.telephone_event import Press
from media.worker.error_reporter import ErrorReporter
from media.worker.forward import Forwarder
from media.worker.leg import Leg
from media.worker.link import ControlSocket
from media.worker.path import NOWHERE, Address
from media.worker.prompts import Prompts
from media.worker.sockets import DatagramSocket, bind, connect
from media.worker.srtp import Dropped
from media.worker.switchboard import HOLD_TIMEOUT_NS, Switchboard
from media.worker.tap import Consumers
from media.worker.transcoding import Transcoder

RECEIVE_BUFFER_BYTES = 512 * 1024  # the kernel's, per leg: seconds of a call, in case the machine stalls the worker
RTCP_BUFFER_BYTES = 4_096  # a report every few seconds
TURN_NS = 1_000_000  # the least time from one turn to the next, when packets come that fast
MAX_EVENTS = 256  # a turn: the clock is read once in it
MAX_ORDERS_A_TURN = 32  # then packets have their turn
MAX_QUEUED = 2_048  # packets that are taken at once when a socket is connected: more than its buffer holds
SETTLED_NS = 200_000_000
"""The kernel looks up whose a packet is, and puts it there later: a socket may be given a stranger's when it is connected already."""
TICK_NS = 1_000_000_000  # signs of life and silence
NS_PER_S = 1_000_000_000


class Relay:
    """`run` until the engine says `Quit` or is gone. An error that ends it is reported, and is the end of the process."""

    __slots__ = (
        "_board",
        "_complaints",
        "_connected",
        "_epoll",
        "_forwarder",
        "_has_frame",
        "_link",
        "_open",
        "_prompts",
        "_quit",
        "_rtcp",
        "_taps",
        "_tick_ns",
        "_transcoders",
    )

    def __init__(
        self,
        control: socket.socket,
        *,
        prompts: Prompts,
        rtp_timeout_ns: int,
        hold_timeout_ns: int = HOLD_TIMEOUT_NS,
        transcoders: Sequence[Path] = (),
    ) -> None:
        """`transcoders`: their sockets."""
        self._epoll = select.epoll()
        self._transcoders = [Transcoder(path, self._epoll) for path in transcoders]
        self._link = ControlSocket(control, self._epoll)
        self._complaints = ErrorReporter(self._link.report)
        # By file descriptor. `_open`: that may have packets of anybody, and since when.
        self._open: dict[int, tuple[DatagramSocket, Leg, int]] = {}
        self._connected: dict[int, Leg] = {}
        self._prompts = prompts
        self._rtcp: dict[int, tuple[socket.socket, Leg]] = {}
        self._taps = Consumers(self._complaints.about)
        self._board = Switchboard(
            sockets=self,
            prompt=prompts.get,
            report=self._link.report,
            taps=self._taps,
            transcoders=self._transcoders,
            rtp_timeout_ns=rtp_timeout_ns,
            hold_timeout_ns=hold_timeout_ns,
        )
        self._forwarder = Forwarder(self._link.report, send_press=self._send_press)
        self._quit = self._has_frame = False
        self._tick_ns = 0

    def run(self) -> None:
        self._link.report(Ready(pid=os.getpid()))
        try:
            self._loop()
        except Exception as error:  # noqa: BLE001 -- the switch logs it and starts another worker
            self._complaints.about("running", error)
            raise SystemExit(1) from None
        finally:
            self._board.close_all()
            self._epoll.close()

    def bind(self, host: str, port: int) -> socket.socket:
        """A leg's socket, for the switchboard. OSError or OverflowError where the port can't be had."""
        return bind(host, port, buffer_bytes=RECEIVE_BUFFER_BYTES)

    def watch(self, leg: Leg) -> None:
        fd = leg.sock.fileno()
        self._open[fd] = leg.sock, leg, 0
        self._epoll.register(fd, select.EPOLLIN)
        with suppress(OSError, OverflowError):  # without it RTCP is no sign of life, and there are fewer figures
            rtcp = leg.rtcp.sock = bind(leg.host, leg.port + 1, buffer_bytes=RTCP_BUFFER_BYTES)
            self._rtcp[rtcp.fileno()] = rtcp, leg
            self._epoll.register(rtcp, select.EPOLLIN)

    def unwatch(self, leg: Leg) -> None:
        """What the turn still holds for this leg finds nobody, or the next owner of its descriptor with nothing to receive."""
        fd = leg.sock.fileno()
        del self._open[fd]
        self._epoll.unregister(fd)
        self._disconnect(leg)
        for rtcp_fd in [number for number, (_, each) in self._rtcp.items() if each is leg]:
            rtcp, _ = self._rtcp.pop(rtcp_fd)
            self._epoll.unregister(rtcp)
            rtcp.close()

    def _loop(self) -> None:
        poll, connected, control = self._epoll.poll, self._connected, self._link.fileno()
        datagram, buffer = self._forwarder.datagram, self._forwarder.buffer
        now_ns = due_ns = monotonic_ns()
        busy = False
        while not self._quit:
            if now_ns >= due_ns:
                due_ns = self._on_time(now_ns)
            if busy:
                _rest(now_ns + TURN_NS)
            events = poll((due_ns - now_ns) / NS_PER_S, MAX_EVENTS)
            last_ns, now_ns = now_ns, monotonic_ns()
            busy = now_ns - last_ns < 2 * TURN_NS
            for fd, _ in events:
                leg = connected.get(fd)
                if leg is None:
                    self._take(fd, now_ns)
                    if fd == control:
                        due_ns = now_ns
                    continue
                receive = leg.receive
                try:
                    size = receive(buffer)
                except OSError:
                    continue  # nothing there after all, or the ICMP answer to an earlier packet: the next one is as good as ever
                try:
                    datagram(leg, size, leg.connected_to, now_ns)
                except Exception as error:  # noqa: BLE001 -- one packet's failure must not end every call; reported
                    self._complaints.about("forwarding a packet", error)
            if self._has_frame:
                self._has_frame, due_ns = False, now_ns

    def _send_press(self, leg: Leg, press: Press, now_ns: int) -> None:
        """For the packet path: a frame is due now."""
        self._board.send_press(leg, press, now_ns)
        self._has_frame = True

    def _take(self, fd: int, now_ns: int) -> None:
        if fd in self._open:
            self._take_from_anywhere(*self._open[fd], now_ns)
        elif fd == self._link.fileno():
            self._take_orders()
        elif fd in self._rtcp:
            self._hear_rtcp(*self._rtcp[fd], now_ns)
        else:
            self._take_transcoded(fd, now_ns)

    def _take_from_anywhere(self, sock: DatagramSocket, leg: Leg, from_ns: int, now_ns: int) -> None:
        self._take_datagram(leg, sock, now_ns)
        if sock is not leg.sock:
            if now_ns - from_ns >= SETTLED_NS and not self._take_datagram(leg, sock, now_ns):
                self._trust(sock, leg)
        elif leg.latched is not None and leg.latched != leg.connected_to:
            self._reconnect(leg, now_ns)

    def _reconnect(self, leg: Leg, now_ns: int) -> None:
        """What has come to the sockets there are is older, and taken first."""
        if leg.connection is not None:
            self._take_queued(leg, leg.connection, now_ns)
            self._disconnect(leg)
        if leg.latched is not None:
            self._connect(leg, leg.latched, now_ns)

    def _connect(self, leg: Leg, source: Address, now_ns: int) -> None:
        """Where there can be no connection it is not tried again."""
        sock = None
        try:
            sock = connect(leg.sock, leg.host, leg.port, source, buffer_bytes=RECEIVE_BUFFER_BYTES)
            self._epoll.register(sock, select.EPOLLIN)
        except OSError as error:
            self._complaints.about("connecting a socket", error)
            leg.connect(None, source)
            if sock is not None:
                sock.close()
            return
        self._open[sock.fileno()] = sock, leg, now_ns
        self._take_queued(leg, leg.sock, now_ns)
        leg.connect(sock, source)

    def _trust(self, sock: DatagramSocket, leg: Leg) -> None:
        """A connected socket has nothing left of what came before that: all it has from now on is the far end's."""
        fd = sock.fileno()
        del self._open[fd]
        self._connected[fd] = leg

    def _disconnect(self, leg: Leg) -> None:
        sock = leg.connection
        if sock is not None:
            fd = sock.fileno()
            if self._connected.pop(fd, None) is None:
                del self._open[fd]
            self._epoll.unregister(fd)
            leg.connect(None, NOWHERE)
            sock.close()

    def _take_queued(self, leg: Leg, sock: DatagramSocket, now_ns: int) -> None:
        for _ in range(MAX_QUEUED):
            if not self._take_datagram(leg, sock, now_ns):
                return

    def _take_datagram(self, leg: Leg, sock: DatagramSocket, now_ns: int) -> bool:
        """Takes one datagram, whoever sent it. Returns whether there was one, or may be more."""
        buffer = self._forwarder.buffer
        try:
            size, source = sock.recvfrom_into(buffer)
        except BlockingIOError:
            return False
        except OSError:
            return True  # the ICMP answer to an earlier packet
        try:
            if leg.srtp is not None:
                size = leg.srtp.decrypt(buffer, size)
            self._forwarder.datagram(leg, size, source, now_ns)
        except Dropped:
            pass
        except Exception as error:  # noqa: BLE001 -- one packet's failure must not end every call; reported
            self._complaints.about("forwarding a packet", error)
        return True

    def _take_transcoded(self, fd: int, now_ns: int) -> None:
        try:
            for transcoder in self._transcoders:
                if transcoder.fileno() == fd:
                    transcoder.receive(now_ns)
        except Exception as error:  # noqa: BLE001 -- one packet's failure must not end every call; reported
            self._complaints.about("sending what was transcoded", error)

    def _hear_rtcp(self, sock: socket.socket, leg: Leg, now_ns: int) -> None:
        buffer = self._forwarder.buffer
        try:
            size, source = sock.recvfrom_into(buffer)
            if leg.srtp is not None:
                size = leg.srtp.decrypt(buffer, size, is_rtcp=True)
        except OSError:
            return
        try:
            leg.hear_rtcp(memoryview(buffer)[:size], source, now_ns)
        except Exception as error:  # noqa: BLE001 -- one packet's failure must not end every call; reported
            self._complaints.about("reading RTCP", error)

    def _take_orders(self) -> None:
        self._link.flush()
        for _ in range(MAX_ORDERS_A_TURN):
            try:
                order = self._link.next_order()
                if order is None:
                    return
                if isinstance(order, Quit):
                    self._quit = True
                    return
                if isinstance(order, SetPrompts):
                    self._prompts.know(order.keys)
                    continue
                self._board.execute(order, monotonic_ns())
            except Exception as error:  # noqa: BLE001 -- one order's failure must not end every call; reported
                self._complaints.about("executing an order", error)

    def _on_time(self, now_ns: int) -> int:
        """Do what is due; when to look again, now at the earliest."""
        try:
            self._board.send_frames(now_ns)
            self._taps.flush(now_ns)
            if now_ns >= self._tick_ns:
                self._tick_ns = now_ns + TICK_NS
                self._tick(now_ns)
        except Exception as error:  # noqa: BLE001 -- one leg's failure must not end every call; reported
            self._complaints.about("keeping time", error)
        return max(
            now_ns, min(each for each in (self._tick_ns, self._board.next_frame_ns(), self._taps.next_ns()) if each is not None)
        )

    def _tick(self, now_ns: int) -> None:
        for transcoder in self._transcoders:
            transcoder.connect()
            if transcoder.lost:
                self._complaints.about("transcoding", "packets are lost: a transcoder is behind, or not there")
        self._board.report_silence(now_ns)
        self._board.report_heartbeat(now_ns)
        if self._link.dropped and not self._link.is_full:
            self._complaints.about("reporting", "the engine did not read, reports were dropped")


def _rest(until_ns: int) -> None:
    """Let packets gather until then."""
    rest_ns = until_ns - monotonic_ns()
    if rest_ns > 0:
        sleep(rest_ns / NS_PER_S)
