"""The socket of a consumer of taps: where media workers send frames to (`media.tap_frame`)."""

import socket
from collections.abc import Iterator
from pathlib import Path

from media.tap_frame import MAX_DATAGRAM_BYTES

RECEIVE_BUFFER_BYTES = 4 << 20
MAX_DATAGRAMS_A_TURN = 200
MODE = 0o600


def bind_taps(path: Path) -> socket.socket:
    """Returns a non-blocking socket at `path`, in place of one that a dead process left there. OSError."""
    path.unlink(missing_ok=True)
    taps = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        taps.setblocking(False)
        taps.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        taps.bind(str(path))
        path.chmod(MODE)
    except OSError:
        taps.close()
        raise
    return taps


def datagrams(taps: socket.socket) -> Iterator[bytes]:
    """Yields what has come, at most `MAX_DATAGRAMS_A_TURN`."""
    for _ in range(MAX_DATAGRAMS_A_TURN):
        try:
            yield taps.recv(MAX_DATAGRAM_BYTES)
        except BlockingIOError:
            return
