"""The loop of a transcoder: takes packets from media workers, sends back what becomes of them. One thread.

Nothing waits: what a worker does not read is lost, and so is what can't be decoded, or has waited because there is more to do than one core
can. A stream is forgotten when others have been used since.
"""

import select
import socket
import struct
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns

from media.transcoder.opus import OpusError
from media.transcoder.stream import TranscodedStream
from media.transcoder.wire import MAX_MESSAGE_BYTES, READY, SourcePacket, TranscodedPacket, source_packet
from switch.codec import Codec

MAX_STREAMS = 2_000
"""Of one worker, all legs together: more than a core can transcode."""
MAX_WORKERS = 64
MAX_WAIT_NS = 150_000_000
"""What is older would come too late for the far end's jitter buffer, and make what is behind it late as well."""
PACKETS_A_TURN = 32
"""Of one worker; then others have their turn."""


class Connection:
    """One worker."""

    def __init__(self, sock: socket.socket, *, max_wait_ns: int = MAX_WAIT_NS) -> None:
        self.sock = sock
        self._max_wait_ns = max_wait_ns
        self._streams: OrderedDict[int, TranscodedStream] = OrderedDict()  # the one that was used last is the last

    def serve(self, now_ns: int) -> bool:
        """Transcodes what has come, up to `PACKETS_A_TURN`; False: the worker is gone."""
        for _ in range(PACKETS_A_TURN):
            try:
                message = self.sock.recv(MAX_MESSAGE_BYTES)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not message:
                return False
            with suppress(OpusError, struct.error, ValueError):
                packet = source_packet(message)
                if now_ns - packet.at_ns <= self._max_wait_ns:
                    self._transcode(packet)
        return True

    def _transcode(self, packet: SourcePacket) -> None:
        """ValueError for a codec that is none of ours."""
        stream = self._streams.get(packet.stream)
        if stream is None:
            if len(self._streams) >= MAX_STREAMS:
                self._streams.popitem(last=False)
            stream = TranscodedStream(Codec(packet.source), Codec(packet.target), ptime_ms=packet.ptime_ms, opus=packet.opus)
            self._streams[packet.stream] = stream
        self._streams.move_to_end(packet.stream)
        for coded in stream.packets(packet.payload, sequence=packet.sequence, timestamp=packet.timestamp):
            result = TranscodedPacket(
                packet.stream, min(coded.lost, 0xFFFF), coded.is_first, coded.timestamp & 0xFFFFFFFF, coded.payload
            )
            with suppress(BlockingIOError):
                self.sock.send(result.packed())


class Server:
    """`path`: of the socket; what is there is replaced. `control`: says `READY` to the switch and then what it says, and is at its end
    when the switch is."""

    def __init__(self, path: Path, control: socket.socket, *, max_wait_ns: int = MAX_WAIT_NS) -> None:
        self._path = path
        self._max_wait_ns = max_wait_ns
        self._control = control
        self._connections: dict[int, Connection] = {}  # by file descriptor

    def run(self) -> None:
        """Serves until the switch ends."""
        self._path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, select.epoll() as epoll:
            listener.bind(str(self._path))
            listener.listen(MAX_WORKERS)
            listener.setblocking(False)
            epoll.register(listener, select.EPOLLIN)
            epoll.register(self._control, select.EPOLLIN)
            self._control.send(READY)
            self._control.setblocking(False)
            self._serve(listener, epoll)

    def _serve(self, listener: socket.socket, epoll: select.epoll) -> None:
        while True:
            for fd, _ in epoll.poll():
                if fd == self._control.fileno():
                    if not self._answered():
                        return
                elif fd == listener.fileno():
                    self._accept(listener, epoll)
                elif not self._connections[fd].serve(monotonic_ns()):
                    epoll.unregister(fd)
                    self._connections.pop(fd).sock.close()

    def _answered(self) -> bool:
        """Gives a sign of life for each question; False: the switch is gone."""
        try:
            question = self._control.recv(MAX_MESSAGE_BYTES)
            if question:
                self._control.send(question)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return bool(question)

    def _accept(self, listener: socket.socket, epoll: select.epoll) -> None:
        try:
            sock, _ = listener.accept()
        except OSError:
            return  # it has gone away again
        if len(self._connections) >= MAX_WORKERS:
            sock.close()
            return
        sock.setblocking(False)
        self._connections[sock.fileno()] = Connection(sock, max_wait_ns=self._max_wait_ns)
        epoll.register(sock, select.EPOLLIN)
