"""PURE. The messages that the engine and the ears process exchange: as those of `media.control`, one message a packet.

What is listened to is named by a number of the engine's, which is also that of the tap that feeds it. Moments are monotonic nanoseconds.
"""

import msgspec

from media.control import DigitReceived, Message, Ready, WorkerProblem
from media.dsp.heard import HeardAudio, Verdict

# engine -> ears


class Listen(Message, frozen=True, kw_only=True):
    """Listen for keys in what comes for tap `listening`, from `at_ns` on. `port`: the leg's name in `DigitReceived`."""

    listening: int
    port: int
    at_ns: int


class StopListening(Message, frozen=True, kw_only=True):
    listening: int


class ListenToTalk(Message, frozen=True, kw_only=True):
    """Listen to what comes for the taps `caller` and `line`, from `at_ns` on, to tell what was heard of both sides. `started_us`: the
    same moment in UTC. `attempt`: the line's number in the call."""

    call_id: str
    attempt: int
    caller: int
    line: int
    at_ns: int
    started_us: int


class EndTalk(Message, frozen=True, kw_only=True):
    """The talk whose caller's tap is `caller` has ended at `at_ns`; answered by `TalkHeard`."""

    caller: int
    at_ns: int


class QuitEars(Message, frozen=True, kw_only=True):
    """Tell of each talk what was heard so far, and exit 0."""


EarsOrder = Listen | StopListening | ListenToTalk | EndTalk | QuitEars


# ears -> engine: `DigitReceived` too, as a media worker reports it


class EarsReady(Ready, frozen=True, kw_only=True):
    """First message. `taps`: the path of the socket that frames go to."""

    taps: str


class HeardSide(msgspec.Struct, frozen=True, kw_only=True):
    """What one side of a talk said. `frames_unheard`: of it, those that came too fast or too late, or can't be decoded; where they are more
    than a few, what is not speech or tone is unknown, and no silence."""

    heard: HeardAudio
    frames_unheard: int


class TalkHeard(Message, frozen=True, kw_only=True):
    """What was heard of a talk, from `started_us` on. `one_way`: whether one side spoke for long and nothing was heard of the other."""

    call_id: str
    attempt: int
    started_us: int
    caller: HeardSide
    line: HeardSide
    one_way: Verdict


class EarsHeartbeat(Message, frozen=True, kw_only=True):
    """Every second."""


EarsReport = EarsReady | DigitReceived | TalkHeard | EarsHeartbeat

decode_ears_order = msgspec.msgpack.Decoder(EarsOrder).decode
decode_ears_report = msgspec.msgpack.Decoder(EarsReport | WorkerProblem).decode
