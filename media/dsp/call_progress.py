"""PURE. Names tones by their frequencies and cadence: ringing, busy, SIT, fax, modem, the beep of an answering machine. Finds none itself.

The precise tones of North America, Europe's 425 Hz and its neighbours (ITU-T E.180), fax (T.30), modem (V.25). Runs of one tone with pauses
between them are one cadence: a phone that rings six times is one tone that was heard.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from media.dsp.heard import ToneName
from media.dsp.tone_finder import REVERSING_HZ, ToneRun

BLOCK_MS = 20
MAX_CADENCES = 50
"""Of one direction of one call; what comes after them is not kept."""
MAX_PAUSE_MS = 4_600
"""Within a cadence: a phone that rings is silent for 4 s."""
MEASURED_RUNS = 8
"""A cadence's times are the median of its first runs."""

DIAL_MIN_MS = 2_400
"""A European tone that lasts longer is dial tone: no phone rings for so long."""
RINGBACK_MIN_MS = 700
REORDER_MAX_MS = 350
"""On: congestion (reorder) is 200 to 250 ms, busy 375 to 500 ms."""
BEEP_MS = (150, 1_500)
BEEP_HZ = (400, 2_000)
FAX_CALLING_MS = (425, 575)
"""T.30: half a second, within 15 %."""
FAX_ANSWER_MIN_MS = 1_000
"""T.30: 2.6 to 4 s; a part of that is enough, since nothing else sends it."""
SIT_PART_MS = (200, 450)
SIT_MAX_PAUSE_MS = 100

_RINGBACK_PAIRS = ((440, 480), (400, 450))
_DIAL_PAIR = (350, 440)
_BUSY_PAIR = (480, 620)
_PAIR_OFF_HZ = 10
_EUROPEAN_HZ = (395, 455)
_SIT_HZ = ((900, 1_000), (1_350, 1_450), (1_750, 1_850))  # ITU-T E.180 §7: 950, 1,400 and 1,800, each within 50
_FAX_CALLING_HZ = (1_062, 1_138)
_FAX_ANSWER_HZ = (REVERSING_HZ - 18, REVERSING_HZ + 18)


@dataclass(slots=True, kw_only=True)
class Cadence:
    """Runs of one tone: from the block where the first begins up to that where the last ends. `power`: mean square of the first.
    `reversals`: how often its phase turned around."""

    hz: tuple[float, ...]
    start: int
    end: int
    power: float
    runs: int = 1
    reversals: int = 0
    on_ms: list[int] = field(default_factory=list)
    off_ms: list[int] = field(default_factory=list)

    def takes(self, run: ToneRun) -> bool:
        same = len(run.hz) == len(self.hz) and all(abs(a - b) <= _PAIR_OFF_HZ for a, b in zip(run.hz, self.hz, strict=True))
        return same and (run.start - self.end) * BLOCK_MS <= MAX_PAUSE_MS

    def add(self, run: ToneRun) -> None:
        if self.runs < MEASURED_RUNS:
            self.off_ms.append((run.start - self.end) * BLOCK_MS)
            self.on_ms.append(_length_ms(run))
        self.runs += 1
        self.end = run.end


class CallProgress:
    """Gathers runs of tones into cadences."""

    __slots__ = ("cadences",)

    def __init__(self) -> None:
        self.cadences: list[Cadence] = []

    def hear(self, run: ToneRun, *, reversals: int) -> None:
        """The next run that ended, and how often its phase turned around."""
        if self.cadences and self.cadences[-1].takes(run):
            self.cadences[-1].add(run)
            self.cadences[-1].reversals += reversals
        elif len(self.cadences) < MAX_CADENCES:
            cadence = Cadence(hz=run.hz, start=run.start, end=run.end, power=run.power, reversals=reversals)
            cadence.on_ms.append(_length_ms(run))
            self.cadences.append(cadence)


def named(cadences: Sequence[Cadence], *, after_speech: Callable[[int], bool]) -> list[tuple[ToneName, Cadence]]:
    """Each cadence and its name; the three parts of a SIT are one. `after_speech`: whether somebody spoke, on the same side, before a tone
    that begins at that block."""
    found: list[tuple[ToneName, Cadence]] = []
    at = 0
    while at < len(cadences):
        if _is_sit(cadences[at : at + 3]):
            first, last = cadences[at], cadences[at + 2]
            whole = Cadence(hz=first.hz, start=first.start, end=last.end, power=first.power)
            found.append(("sit", whole))
            at += 3
        else:
            found.append((_name(cadences[at], after_speech=after_speech(cadences[at].start)), cadences[at]))
            at += 1
    return found


def _name(cadence: Cadence, *, after_speech: bool) -> ToneName:
    on_ms = median(cadence.on_ms)
    if len(cadence.hz) == 2:
        return _name_of_pair(cadence.hz, on_ms)
    (hz,) = cadence.hz
    if _within(hz, _FAX_ANSWER_HZ) and on_ms >= FAX_ANSWER_MIN_MS:
        return "modem_answer" if cadence.reversals else "fax_answer"
    if _within(hz, _FAX_CALLING_HZ) and _within(on_ms, FAX_CALLING_MS) and (cadence.runs > 1 or not after_speech):
        return "fax_calling"
    european = _european(cadence, on_ms, after_speech=after_speech) if _within(hz, _EUROPEAN_HZ) else None
    if european is not None:
        return european
    if cadence.runs == 1 and after_speech and _within(hz, BEEP_HZ) and _within(on_ms, BEEP_MS):
        return "beep"
    return "unnamed"


def _name_of_pair(hz: tuple[float, ...], on_ms: float) -> ToneName:
    if any(_is_pair(hz, pair) for pair in _RINGBACK_PAIRS):
        return "ringback"
    if _is_pair(hz, _DIAL_PAIR):
        return "dial_tone"
    if _is_pair(hz, _BUSY_PAIR):
        return "reorder" if on_ms <= REORDER_MAX_MS else "busy"
    return "unnamed"


def _european(cadence: Cadence, on_ms: float, *, after_speech: bool) -> ToneName | None:
    """One frequency says all: only the cadence tells. Busy needs two runs: one alone may be anybody's."""
    if on_ms >= DIAL_MIN_MS:
        return "dial_tone"
    if on_ms >= RINGBACK_MIN_MS:
        return None if cadence.runs == 1 and after_speech else "ringback"
    if cadence.runs == 1:
        return None
    return "reorder" if on_ms <= REORDER_MAX_MS else "busy"


def _is_sit(parts: Sequence[Cadence]) -> bool:
    """Special information tones: three in a row, upwards, right after each other."""
    return (
        len(parts) == 3
        and all(len(part.hz) == 1 and part.runs == 1 for part in parts)
        and all(_within(part.hz[0], hz) for part, hz in zip(parts, _SIT_HZ, strict=True))
        and all(_within(part.on_ms[0], SIT_PART_MS) for part in parts)
        and all((after.start - before.end) * BLOCK_MS <= SIT_MAX_PAUSE_MS for before, after in pairwise(parts))
    )


def _length_ms(run: ToneRun) -> int:
    return (run.end - run.start) * BLOCK_MS


def _is_pair(hz: tuple[float, ...], pair: tuple[int, int]) -> bool:
    return all(abs(one - other) <= _PAIR_OFF_HZ for one, other in zip(hz, pair, strict=True))


def _within(value: float, limits: tuple[int, int]) -> bool:
    return limits[0] <= value <= limits[1]
