"""Taps: copies of what legs receive and send, for consumers in other processes. Never waits for one.

The frames of all legs that one consumer taps are gathered and sent as datagrams to its UNIX socket. What the consumer does not take in
time waits here, up to a limit; what is beyond that is lost and counted, and the numbers of the frames show the consumer where.
"""

import socket
import struct
from collections import deque
from collections.abc import Callable
from time import monotonic_ns

from media.rtp.packet import HEADER_BYTES
from media.tap_frame import MAX_DATAGRAM_BYTES, NUMBER_MASK, RECEIVED, SENT, pack

MAX_TAPS = 8
"""Of one leg; an order for one more does nothing but complain."""
MAX_WAITING = 64
"""Datagrams of a consumer that is slow: 2 MiB, a second of 100 calls."""
FLUSH_NS = 50_000_000
"""The longest that a frame is held back, so that it shares a datagram with others."""
SEND_BUFFER_BYTES = 1 << 20

_unpack = struct.Struct("!HII").unpack_from
Complain = Callable[[str, Exception | str], None]


class Consumer:
    """The sending end of one consumer's socket. `taps`: how many it has. `lost`: frames that it did not get."""

    __slots__ = ("_batch", "_complain", "_count", "_path", "_sock", "_waiting", "lost", "taps")

    def __init__(self, path: str, complain: Complain) -> None:
        """OSError where nobody listens at `path`."""
        self._path = path
        self._complain = complain
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._sock.setblocking(False)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            self._sock.connect(path)
        except OSError:
            self._sock.close()
            raise
        self._batch = bytearray()
        self._count = 0  # frames in the batch
        self._waiting: deque[tuple[bytes, int]] = deque()  # datagrams, each with its number of frames
        self.taps = 0
        self.lost = 0

    def add(self, header: bytes, payload: bytes | memoryview) -> None:
        batch = self._batch
        if len(batch) + len(header) + len(payload) > MAX_DATAGRAM_BYTES:
            self._close_batch()
            self._send()
        batch += header
        batch += payload
        self._count += 1

    def flush(self) -> None:
        """Sends what the socket takes."""
        if self._batch:
            self._close_batch()
        if self._waiting:
            self._send()

    def close(self) -> None:
        self.flush()
        self._sock.close()

    def _close_batch(self) -> None:
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append((bytes(self._batch), self._count))
        else:
            self._lose(self._count, "it does not read fast enough")
        self._batch.clear()
        self._count = 0

    def _send(self) -> None:
        waiting = self._waiting
        try:
            while waiting:
                self._sock.send(waiting[0][0])
                waiting.popleft()
        except BlockingIOError:
            return
        except OSError as error:  # it is gone
            self._lose(sum(count for _, count in waiting), str(error))
            waiting.clear()

    def _lose(self, count: int, why: str) -> None:
        self.lost += count
        self._complain(f"sending frames to {self._path}", why)


class LegTap:
    """One tap of one leg. `received`, `sent`: what of it goes to the consumer."""

    __slots__ = ("_numbers", "_received", "_sent", "consumer", "path", "tap")

    def __init__(self, tap: int, path: str, consumer: Consumer, *, received: bool, sent: bool) -> None:
        self.tap = tap
        self.path = path
        self.consumer = consumer
        self._received = received
        self._sent = sent
        self._numbers = [0, 0]

    @property
    def directions(self) -> tuple[int, ...]:
        return (RECEIVED,) * self._received + (SENT,) * self._sent

    def take(self, packet: memoryview, now_ns: int, *, direction: int, codec: int) -> None:
        """Copies an RTP packet without padding, extension or contributing sources."""
        number = self._numbers[direction]
        self._numbers[direction] = (number + 1) & NUMBER_MASK
        payload = packet[HEADER_BYTES:]
        sequence, timestamp, ssrc = _unpack(packet, 2)
        self.consumer.add(pack(self.tap, number, timestamp, ssrc, now_ns, sequence, len(payload), direction, codec), payload)


class Consumers:
    """All consumers of a worker, by the paths of their sockets. `clock`: monotonic nanoseconds."""

    __slots__ = ("_complain", "_consumers", "_next_ns", "clock")

    def __init__(self, complain: Complain, clock: Callable[[], int] = monotonic_ns) -> None:
        self._complain = complain
        self.clock = clock
        self._consumers: dict[str, Consumer] = {}
        self._next_ns = 0

    def tap(self, tap: int, path: str, *, received: bool, sent: bool) -> LegTap | None:
        """Returns a tap for a leg, or None: its consumer is not there, which is complained of."""
        consumer = self._consumers.get(path)
        if consumer is None:
            try:
                consumer = self._consumers[path] = Consumer(path, self._complain)
            except OSError as error:
                self._complain(f"tapping a leg for {path}", error)
                return None
        consumer.taps += 1
        return LegTap(tap, path, consumer, received=received, sent=sent)

    def release(self, taps: tuple[LegTap, ...]) -> None:
        """These taps have ended; what they took is still sent."""
        for tap in taps:
            tap.consumer.taps -= 1
            if not tap.consumer.taps:
                tap.consumer.close()
                del self._consumers[tap.path]

    def flush(self, now_ns: int) -> None:
        """Sends what has been gathered, where that is due."""
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + FLUSH_NS
            for consumer in self._consumers.values():
                consumer.flush()

    def next_ns(self) -> int | None:
        """Returns when `flush` has something to do, or None."""
        return self._next_ns if self._consumers else None
