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
NO_TYPE = -1  # no payload type is negotiated: equal to none that a packet can carry


class Path(Arrivals):
    """`audio_type`: of the audio that comes at present. `latched`: where it comes from. `relay_to`: who gets it at once, None: nobody;
    `recode`: a table that its payload goes through. `address`: where our own packets go, None: nowhere; `send` sends one; `send_type`: of
    the audio in them; `stream`: their numbers."""

    __slots__ = (
        "address",
        "audio_type",
        "latched",
        "received_octets",
        "recode",
        "relay_to",
        "send",
        "send_type",
        "sent",
        "sent_octets",
        "stream",
    )

    def __init__(self, stream: OutgoingStream, send: Callable[[memoryview, Address], int]) -> None:
        super().__init__()
        self.stream = stream
        self.send = send
        self.audio_type = self.send_type = NO_TYPE
        self.latched: Address | None = None
        self.address: Address | None = None
        self.relay_to: Leg | None = None
        self.recode: bytes | None = None
        self.received_octets = self.sent = self.sent_octets = 0
