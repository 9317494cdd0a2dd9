"""The way between one phone and the switch: carries SIP over UDP and RTP, loses, delays and reorders packets, and stands in for a NAT.

The phone meets the switch at an address of the path, and the switch the phone: what SIP says of places is rewritten, as the gateway of a
network does it (request line, Contact, the first `m=audio` with its address and `a=rtcp`). So every message and packet of a call passes, in
both directions. A path has one call at a time. `passed` is what it has sent on of the phone's RTP, and when.
"""

import heapq
import random
import re
import select
import socket
import threading
import time

from rig_folder import PathKind
from rig_ports import LOOPBACK, PortBlock
from rig_rtp import RtpLog

Place = tuple[str, int]
OCTETS = 65_536
RTP_HEADER = 12
AUDIO = re.compile(rb"^m=audio ([1-9]\d*) ", re.MULTILINE)
RTCP = re.compile(rb"^a=rtcp:\d+", re.MULTILINE)
LENGTH = re.compile(rb"(?im)^(Content-Length|l)[ \t]*:[ \t]*\d+")
CONTACT = re.compile(rb"(?im)^(Contact|m)[ \t]*:.*$")


class NetworkPath:
    """A thread with sockets on loopback. Make, then `begin` as soon as both ends are known; use, `close()`."""

    def __init__(self, kind: PathKind, *, ports: PortBlock, seed: int) -> None:
        self._kind = kind
        self._seed = seed
        self._ports = ports
        # One each, so that a seed says what becomes of the phone's packets, whatever comes the other way.
        self._chance = {True: random.Random(seed), False: random.Random(seed + 1)}  # noqa: S311 chance, not a secret
        self._whole = {True: self._kind.apart, False: self._kind.apart}
        self._inner, self._outer = _bound(ports.next()), _bound(ports.next())
        self._inner_audio, self._outer_audio = _pair(ports.next()), _pair(ports.next())
        self._dead_end = _pair(ports.next())
        self._phone: Place = (LOOPBACK, 0)
        self._switch: Place = (LOOPBACK, 0)
        self._phone_audio: Place | None = None
        self._switch_audio: Place | None = None
        self._moves = threading.Event()
        self._rebinds = threading.Event()
        self._former: list[socket.socket] = []
        self._held: list[tuple[float, int, socket.socket, Place, bytes]] = []
        self._count = 0
        self._lost = 0
        self.passed = RtpLog()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"path {self.inner[1]}", daemon=True)

    @property
    def inner(self) -> Place:
        """Where the phone meets the switch."""
        return _place(self._inner)

    @property
    def outer(self) -> Place:
        """Where the switch meets the phone."""
        return _place(self._outer)

    def begin(self, *, phone: Place, switch: Place) -> None:
        self._phone, self._switch = phone, switch
        self._thread.start()

    def rebind(self) -> None:
        """The phone's RTP comes from another port from now on, which nobody is told of."""
        self._rebinds.set()

    def move(self) -> None:
        """As `rebind`, once the phone's next SDP has passed, which names the new port."""
        self._moves.set()

    def summary(self, name: str) -> str:
        return f"path of {name}: {self._lost} lost, {len(self.passed)} RTP packets of its own passed on, seed {self._seed}"

    def close(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)
        for each in (self._inner, self._outer, *self._inner_audio, *self._outer_audio, *self._dead_end, *self._former):
            each.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._rebinds.is_set():
                self._rebinds.clear()
                self._take_new_port()
            sockets = [self._inner, self._outer, *self._inner_audio, *self._outer_audio]
            wait = min(0.05, max(0.0, self._held[0][0] - time.monotonic())) if self._held else 0.05
            for ready in select.select(sockets, [], [], wait)[0]:
                if ready not in self._former:  # since this turn of the loop, perhaps
                    self._take(ready)
            while self._held and self._held[0][0] <= time.monotonic():
                _, _, out, place, data = heapq.heappop(self._held)
                self._send(out, place, data)

    def _take(self, ready: socket.socket) -> None:
        data = ready.recv(OCTETS)
        if ready is self._inner:
            self._pass_sip(self._from_phone(data), self._outer, self._switch)
        elif ready is self._outer:
            self._pass_sip(self._from_switch(data), self._inner, self._phone)
        else:
            self._pass_rtp(ready, data)

    def _pass_sip(self, data: bytes, out: socket.socket, place: Place) -> None:
        if self._kind.loses_sip and self._loses(from_phone=out is self._outer):
            return
        out.sendto(data, place)

    def _pass_rtp(self, ready: socket.socket, data: bytes) -> None:
        from_phone = ready in self._inner_audio
        number = (self._inner_audio if from_phone else self._outer_audio).index(ready)
        out = (self._outer_audio if from_phone else self._inner_audio)[number]
        place = self._switch_audio if from_phone else self._phone_audio
        if place is None or self._loses(from_phone=from_phone):
            return
        self._count += 1
        at = time.monotonic() + self._chance[from_phone].uniform(0, self._kind.jitter_ms / 1_000)
        heapq.heappush(self._held, (at, self._count, out, (place[0], place[1] + number), data))

    def _send(self, out: socket.socket, place: Place, data: bytes) -> None:
        if out is self._outer_audio[0] and len(data) >= RTP_HEADER:
            self.passed.note(data, time.monotonic())
        if out.fileno() >= 0:
            out.sendto(data, place)

    def _loses(self, *, from_phone: bool) -> bool:
        lost = self._chance[from_phone].uniform(0, 100) < self._kind.lost_percent and self._whole[from_phone] >= self._kind.apart
        self._whole[from_phone] = 0 if lost else self._whole[from_phone] + 1
        self._lost += lost
        return lost

    def _take_new_port(self) -> None:
        self._former += self._outer_audio
        self._outer_audio = _pair(self._ports.next())

    def _from_phone(self, data: bytes) -> bytes:
        head, blank, body = data.partition(b"\r\n\r\n")
        if said := AUDIO.search(body):
            self._phone_audio = (LOOPBACK, int(said[1]))
            if self._moves.is_set():
                self._moves.clear()
                self._take_new_port()
            named = self._dead_end if self._kind.hidden else self._outer_audio
            body = _elsewhere(body, _place(named[0])[1])
        return _rewritten(head, blank, body, target=(self.inner, self._switch), contact=(self._phone, self.outer))

    def _from_switch(self, data: bytes) -> bytes:
        head, blank, body = data.partition(b"\r\n\r\n")
        if said := AUDIO.search(body):
            self._switch_audio = (LOOPBACK, int(said[1]))
            body = _elsewhere(body, _place(self._inner_audio[0])[1])
        return _rewritten(head, blank, body, target=(self.outer, self._phone), contact=(self._switch, self.inner))


def _rewritten(head: bytes, blank: bytes, body: bytes, *, target: tuple[Place, Place], contact: tuple[Place, Place]) -> bytes:
    """A message with its request line (`target`) and Contact led from the first of two places to the second, and with this body."""
    line, end, fields = head.partition(b"\r\n")
    if not line.startswith(b"SIP/2.0 "):
        line = line.replace(_written(target[0]), _written(target[1]))
    fields = CONTACT.sub(lambda found: found[0].replace(_written(contact[0]), _written(contact[1])), fields)
    fields = LENGTH.sub(lambda found: found[1] + b": %d" % len(body), fields)
    return line + end + fields + blank + body


def _elsewhere(body: bytes, port: int) -> bytes:
    """SDP whose first audio stream is on `port` of loopback."""
    body = AUDIO.sub(lambda _: b"m=audio %d " % port, body, count=1)
    return RTCP.sub(lambda _: b"a=rtcp:%d" % (port + 1), body, count=1)


def _written(place: Place) -> bytes:
    return b"%s:%d" % (place[0].encode(), place[1])


def _place(bound: socket.socket) -> Place:
    host, port = bound.getsockname()
    return str(host), int(port)


def _bound(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((LOOPBACK, port))
    return made


def _pair(port: int) -> tuple[socket.socket, socket.socket]:
    """RTP, and RTCP one port further."""
    return _bound(port), _bound(port + 1)
