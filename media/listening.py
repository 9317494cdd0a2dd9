"""PURE. The messages that the engine and the ears process exchange: as those of `media.control`, one message a packet.

What is listened to is named by a number of the engine's, which is also that of the tap that feeds it. Moments are monotonic nanoseconds.
"""

import msgspec

from media.control import DigitReceived, Message, Ready, WorkerProblem

# engine -> ears


class Listen(Message, frozen=True, kw_only=True):
    """Listen for keys in what comes for tap `listening`, from `at_ns` on. `port`: the leg's name in `DigitReceived`."""

    listening: int
    port: int
    at_ns: int


class StopListening(Message, frozen=True, kw_only=True):
    listening: int


class QuitEars(Message, frozen=True, kw_only=True):
    """Exit 0."""


EarsOrder = Listen | StopListening | QuitEars


# ears -> engine: `DigitReceived` too, as a media worker reports it


class EarsReady(Ready, frozen=True, kw_only=True):
    """First message. `taps`: the path of the socket that frames go to."""

    taps: str


class EarsHeartbeat(Message, frozen=True, kw_only=True):
    """Every second."""


EarsReport = EarsReady | DigitReceived | EarsHeartbeat

decode_ears_order = msgspec.msgpack.Decoder(EarsOrder).decode
decode_ears_report = msgspec.msgpack.Decoder(EarsReport | WorkerProblem).decode
