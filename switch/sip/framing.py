"""PURE. Cuts a byte stream into SIP messages by Content-Length (RFC 3261 §18.3), and finds pings between them (RFC 5626 §3.5.1).

`StreamFramer` keeps at most one unfinished message. It does not parse more than it needs to cut; `message.parse` reads what comes out.
"""

import re
from enum import StrEnum

from switch.sip.flow import Transport, default_port
from switch.sip.headers import parse_via
from switch.sip.message import MAX_DATAGRAM_BYTES, MAX_START_LINE_CHARS

MAX_STREAM_MESSAGE_BYTES = MAX_DATAGRAM_BYTES
"""Head and body. A stream takes no more in one message than a datagram can hold."""
PING = b"\r\n\r\n"
"""A keep-alive of the peer's."""
PONG = b"\r\n"
"""The answer to it (RFC 5626 §4.4.1)."""
_CRLF = b"\r\n"
_START_LINE = re.compile(rb"(?:[!-~]+ \S.* |)SIP/[0-9.]+(?: .*|[ \t]*)", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\n\r?\n")
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:(?:[ \t]|\r?\n[ \t])*([0-9]{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_VIA = re.compile(rb"^(?:via|v)[ \t]*:[ \t]*([^\r\n,]{1,512})", re.IGNORECASE | re.MULTILINE)


class Unframed(StrEnum):
    """Why a stream can't be read any further."""

    NO_SIP = "no SIP"
    TOO_LONG = "message too long"
    NO_LENGTH = "no usable Content-Length"


class StreamFramer:
    """One direction of one connection. `broken`: why nothing more is read from it, or None; the connection is of no use then."""

    __slots__ = ("_buffer", "_searched", "_wanted", "broken")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._wanted = 0
        self.broken: Unframed | None = None

    @property
    def is_inside_message(self) -> bool:
        """Returns whether a message has begun and not ended."""
        return not PING.startswith(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Returns the messages that `data` completes, in order, and `PING` for each keep-alive.

        A message without a usable Content-Length comes as its head alone, to be refused; nothing is read after it.
        """
        frames: list[bytes] = []
        if self.broken is None:
            self._buffer += data
            while (frame := self._next()) is not None:
                frames.append(frame)
                if self.broken is not None:
                    break
        if self.broken is not None:
            self._buffer.clear()
        return frames

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if not self._wanted:
            while buffer.startswith((_CRLF, b"\n")):  # before a start line: empty lines (RFC 3261 §7.5) and pings
                if buffer.startswith(PING):
                    del buffer[: len(PING)]
                    return PING
                if PING.startswith(buffer):
                    return None
                del buffer[: 1 if buffer.startswith(b"\n") else len(_CRLF)]
            if PING.startswith(buffer) or not self._read_head():
                return None
        if len(buffer) < self._wanted:
            return None
        frame = bytes(buffer[: self._wanted])
        del buffer[: self._wanted]
        self._wanted = self._searched = 0
        return frame

    def _read_head(self) -> bool:
        """Finds the end of the head, and how long the message is."""
        buffer = self._buffer
        first_end = buffer.find(b"\n", 0, MAX_START_LINE_CHARS + 2)
        if not self._is_sip(first_end):
            self.broken = Unframed.NO_SIP
            return False
        head_end = -1 if first_end < 0 else self._find_head_end(has_cr=buffer[first_end - 1] == ord("\r"))
        if max(head_end, len(buffer) if head_end < 0 else 0) > MAX_STREAM_MESSAGE_BYTES:
            self.broken = Unframed.TOO_LONG
            return False
        if head_end < 0:
            return False
        lengths = set(_LENGTH.findall(bytes(buffer[:head_end])))
        length = int(lengths.pop()) if len(lengths) == 1 else None
        self._wanted = head_end
        if length is None:
            self.broken = Unframed.NO_LENGTH
        elif head_end + length > MAX_STREAM_MESSAGE_BYTES:
            self.broken = Unframed.TOO_LONG
        else:
            self._wanted += length
        return True

    def _is_sip(self, first_end: int) -> bool:
        """Returns whether what is there of the start line may be one."""
        if first_end >= 0:
            return _START_LINE.fullmatch(self._buffer[:first_end].rstrip(b"\r")) is not None
        return len(self._buffer) <= MAX_START_LINE_CHARS + 1 and ord(" ") < self._buffer[0] < 0x7F

    def _find_head_end(self, *, has_cr: bool) -> int:
        """Returns where the head ends, or -1. Lines end as the start line does, as `message.parse` has it."""
        start = max(0, self._searched - 3)
        self._searched = len(self._buffer)
        if has_cr:
            found = self._buffer.find(b"\r\n\r\n", start)
            return -1 if found < 0 else found + 4
        match = _BLANK_LINE.search(self._buffer, start)
        return match.end() if match else -1


def sent_by_port(message: bytes, transport: Transport) -> int | None:
    """Returns the port where the sender of a request listens, as its top Via says; also of an answer, which has the request's Via. None:
    there is no Via that can be read."""
    found = _VIA.search(message, 0, message.find(b"\r\n\r\n"))
    via = None if found is None else parse_via(found[1].decode(errors="replace").strip())
    return None if via is None else via.port or default_port(transport)
