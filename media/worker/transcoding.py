"""The relay's side of transcoding: hands payloads to a transcoder process, and says where what comes back belongs.

Nothing waits for the transcoder: what its socket does not take is lost, as everything is while there is none. At every tick it is
connected to again.
"""

import select
import socket
import struct
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from media.dsp.tones import FRAME_SAMPLES
from media.rtp.continuity import FRAME_MS, MAX_AHEAD, MAX_BEHIND
from media.rtp.packet import HEADER_BYTES, MARKER, PLAIN
from media.transcoder.wire import MAX_MESSAGE_BYTES, SourcePacket, TranscodedPacket, transcoded_packet
from switch.codec import ANY_OPUS, Codec, OpusWishes

if TYPE_CHECKING:
    from media.worker.leg import Leg

_unpack = struct.Struct("!HHII").unpack_from
_pack = struct.Struct("!BBHII").pack
RESULTS_A_TURN = 64
MAX_UNANSWERED = 25
"""Packets of a direction in a row of which nothing came back, half a second as a rule: the transcoder hangs, or they are no packets of
their codec. Nobody hears them."""
SEND_BUFFER_BYTES = 128 * 1024
"""Some three hundred packets."""


class Transcoding:
    """One direction: what is handed over comes back for `to`. What leaves is numbered here, in one run with the telephone-events of the
    same source, under an SSRC that is only this direction's."""

    __slots__ = (
        "_codec",
        "_newest",
        "_number",
        "_ptime_ms",
        "_sequence",
        "_skipped",
        "_source",
        "_ssrc",
        "_target",
        "_transcoder",
        "_unanswered",
        "_wishes",
        "to",
    )

    def __init__(self, transcoder: "Transcoder", source: Codec, to: "Leg") -> None:
        self.to = to
        self._transcoder = transcoder
        self._codec = source
        self._target = Codec(to.codec)
        self._ptime_ms, self._wishes = _wishes(to)
        self._source: int | None = None  # its SSRC
        self._newest = 0  # its sequence
        self._skipped = self._unanswered = 0
        self._number = self._ssrc = transcoder.begin(self)
        self._sequence = 0

    def is_of(self, source: int, to: "Leg | None") -> bool:
        """Returns whether it goes from this codec to that leg, as that is now."""
        if to is not self.to or (source, to.codec) != (self._codec, self._target):
            return False
        return _wishes(to) == (self._ptime_ms, self._wishes)

    @property
    def newest(self) -> tuple[int, int] | None:
        """The source's SSRC and its newest sequence."""
        return None if self._source is None else (self._source, self._newest)

    def expects(self, ssrc: int, sequence: int) -> bool:
        """Returns whether a packet goes on where the source was."""
        return ssrc == self._source and 0 < (sequence - self._newest) & 0xFFFF <= MAX_AHEAD

    @property
    def is_connected(self) -> bool:
        return self._transcoder.fileno() >= 0

    def hand_over(self, packet: memoryview, now_ns: int) -> bool:
        """Sends an RTP packet of the source to be transcoded. Returns whether the transcoder has taken it, and gives something back."""
        _, sequence, timestamp, ssrc = _unpack(packet)
        if ssrc != self._source:
            if self._source is not None:
                self._number = self._transcoder.replace(self._number, self)
            self._source, self._newest, self._skipped = ssrc, sequence, 0
        if -(sequence - self._newest) & 0xFFFF > MAX_BEHIND:  # else it is late
            self._newest = sequence
        self._unanswered += 1
        is_taken = self._send((sequence - self._skipped) & 0xFFFF, timestamp, bytes(packet[HEADER_BYTES:]), now_ns)
        return is_taken and self._unanswered <= MAX_UNANSWERED

    def hand_over_own(self, frame: bytes, now_ns: int) -> None:
        """Sends the next 20 ms of what is played to be transcoded."""
        self._newest += 1
        self._send(self._newest & 0xFFFF, self._newest * FRAME_SAMPLES & 0xFFFFFFFF, frame, now_ns)

    def _send(self, sequence: int, timestamp: int, payload: bytes, now_ns: int) -> bool:
        return self._transcoder.send(
            SourcePacket(
                now_ns, self._number, self._codec, self._target, self._ptime_ms, self._wishes, sequence, timestamp, payload
            )
        )

    def skip(self, packet: bytearray) -> None:
        """A packet is no audio: its number is not missing. One of another SSRC, or that comes late or twice, has none of the audio's."""
        _, sequence, _, ssrc = _unpack(packet)
        if self.expects(ssrc, sequence):
            self._newest = sequence
            self._skipped += 1

    def renumber(self, packet: bytearray) -> None:
        """A telephone-event, or comfort noise, goes on beside the audio."""
        self.skip(packet)
        self._sequence = (self._sequence + 1) & 0xFFFF
        packet[2:4] = self._sequence.to_bytes(2, "big")
        packet[8:12] = self._ssrc.to_bytes(4, "big")

    def rtp(self, result: TranscodedPacket) -> bytearray:
        """Returns the packet for `to`."""
        self._unanswered = 0
        self._sequence = (self._sequence + 1 + result.lost) & 0xFFFF
        kind = self.to.send_type | (MARKER if result.is_first else 0)
        return bytearray(_pack(PLAIN, kind, self._sequence, result.timestamp, self._ssrc) + result.payload)

    def end(self) -> None:
        self._transcoder.forget(self._number)


def _wishes(leg: "Leg") -> tuple[int, OpusWishes]:
    """Returns how long packets to a leg are, as it asked for, and how it wants Opus."""
    peer = leg.peer
    return (FRAME_MS, ANY_OPUS) if peer is None else (peer.ptime_ms, peer.opus)


class Transcoder:
    """The connection to one transcoder, at `path`; None: there is none. `lost`: packets that it did not take."""

    __slots__ = ("_directions", "_epoll", "_numbers", "_path", "_sock", "lost")

    def __init__(self, path: Path | None, epoll: select.epoll | None = None) -> None:
        self._path = path
        self._epoll = epoll
        self._sock: socket.socket | None = None
        self._directions: dict[int, Transcoding] = {}
        self._numbers = count(1)
        self.lost = 0

    def fileno(self) -> int:
        """-1: it is not connected."""
        return -1 if self._sock is None else self._sock.fileno()

    def begin(self, direction: Transcoding) -> int:
        """Returns the number of a new stream for `direction`."""
        number = next(self._numbers) & 0xFFFFFFFF
        self._directions[number] = direction
        self.connect()
        return number

    def replace(self, number: int, direction: Transcoding) -> int:
        self.forget(number)
        return self.begin(direction)

    def forget(self, number: int) -> None:
        self._directions.pop(number, None)

    def connect(self) -> None:
        """Connects, where that is needed and possible; a local connection is made at once or not at all."""
        if self._sock is not None or self._path is None or not self._directions:
            return
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        try:
            sock.connect(str(self._path))
        except OSError:
            sock.close()
            return
        self._sock = sock
        if self._epoll is not None:
            self._epoll.register(sock, select.EPOLLIN)

    def send(self, packet: SourcePacket) -> bool:
        """Returns whether it was taken."""
        try:
            if self._sock is not None:
                self._sock.send(packet.packed())
                return True
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        self.lost += 1
        return False

    def receive(self, now_ns: int) -> None:
        """Sends on what has come back, up to `RESULTS_A_TURN` packets; what belongs to no direction any more goes nowhere."""
        for _ in range(RESULTS_A_TURN):
            message = self._message()
            if message is None:
                return
            result = transcoded_packet(message)
            direction = self._directions.get(result.stream)
            if direction is None:
                continue
            packet = direction.rtp(result)
            to = direction.to
            if to.wants_packets and to.stream.rewrite(packet, now_ns):
                to.transmit(memoryview(packet))

    def close(self) -> None:
        if self._sock is None:
            return
        if self._epoll is not None:
            self._epoll.unregister(self._sock)
        self._sock.close()
        self._sock = None

    def _message(self) -> bytes | None:
        if self._sock is None:
            return None
        try:
            message = self._sock.recv(MAX_MESSAGE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            message = b""
        if not message:
            self.close()
            return None
        return message
