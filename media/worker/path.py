"""What of a leg the packet path touches at every packet. Decides nothing.

A leg is cold when its next packet comes: what is read of it lies in no cache, and each further line of memory costs as much as ten
instructions. CPython lays slots out class by class, in the order of their names, so those of this class lie beside each other.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from media.rtp.continuity import OutgoingStream
from media.rtp.reception import Arrivals

if TYPE_CHECKING:
    from media.worker.leg import Leg

Address = tuple[str, int] | tuple[str, int, int, int]
"""Of IPv4; of IPv6, with flow label and scope where the kernel says it."""
NOWHERE: Address = ("", 0)
NO_TYPE = -1  # no payload type is negotiated: equal to none that a packet can carry


class Path(Arrivals):
    """`receive` fills a buffer with the next packet of its connected socket, which takes them from `connected_to` alone. `audio_type`: of
    the audio that comes at present. `latched`: where it comes from. `relay_to`: who gets it at once, None: nobody; `recode`: a table that
    its payload goes through. `send`: sends a packet where the far end is; `send_type`: of the audio in it; `stream`: its numbers."""

    __slots__ = (
        "audio_type",
        "connected_to",
        "latched",
        "receive",
        "received_octets",
        "recode",
        "relay_to",
        "send",
        "send_type",
        "sent",
        "sent_octets",
        "stream",
    )

    def __init__(self, stream: OutgoingStream) -> None:
        super().__init__()
        self.stream = stream
        self.send: Callable[[memoryview], int] = _nowhere
        self.receive: Callable[[bytearray], int] = _nowhere
        self.connected_to: Address = NOWHERE
        self.audio_type = self.send_type = NO_TYPE
        self.latched: Address | None = None
        self.relay_to: Leg | None = None
        self.recode: bytes | None = None
        self.received_octets = self.sent = self.sent_octets = 0


def _nowhere(_packet: object) -> int:
    raise BlockingIOError
