"""A watcher without a socket: the end of a connection that the publisher writes to, and the state that a client would have by it."""

import asyncio

from switch.control.messages import Changes, Snapshot, decode_reply
from switch.control.watcher import LiveState


class PlayedWatcher(asyncio.WriteTransport):
    """Reads at once all that it is sent, unless `unsent` bytes are said to wait. `heard`: what it was sent; `missed`: gaps."""

    def __init__(self) -> None:
        super().__init__()
        self.state = LiveState()
        self.heard: list[Snapshot | Changes] = []
        self.lines: list[bytes] = []
        self.unsent = 0
        self.missed = 0
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        line = bytes(data)
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        self.lines.append(line)
        message = decode_reply(line)
        assert isinstance(message, Snapshot | Changes)
        self.heard.append(message)
        if isinstance(message, Snapshot):
            self.state.replace(message)
        elif not self.state.apply(message):
            self.missed += 1

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True
