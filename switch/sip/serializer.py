"""PURE. Knows how a message becomes bytes. Computes Content-Length itself; does not know what the headers mean.

A line break that got into a name or value would let a peer write headers of its own into our messages: refused here, in one place.
"""

from typing import assert_never

from switch.sip.message import Message, Request, Response


class HeaderInjection(ValueError):
    """A method, URI, reason, name or value holds CR, LF or NUL. The message was not built."""


def serialize(message: Message) -> bytes:
    """The octets of `message`. Any Content-Length it carries is replaced by the length of its body. Raises `HeaderInjection`."""
    lines = [_start_line(message)]
    lines += [f"{name}: {value}" for name, value in message.headers if name != "Content-Length"]
    lines.append(f"Content-Length: {len(message.body)}")
    head = "\r\n".join(lines)
    breaks = len(lines) - 1
    # One count over the whole head: a break inside any part is one too many. Half the cost of looking at each part.
    if "\0" in head or head.count("\r") != breaks or head.count("\n") != breaks:
        raise HeaderInjection("CR, LF or NUL in a start line or header")
    return b"%b\r\n\r\n%b" % (head.encode(), message.body)


def _start_line(message: Message) -> str:
    match message:
        case Request():
            return f"{message.method} {message.uri} SIP/2.0"
        case Response():
            return f"SIP/2.0 {message.status} {message.reason}"
        case _:
            assert_never(message)
