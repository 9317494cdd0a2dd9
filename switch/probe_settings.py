"""Defines what config says of probes: real calls that a phone of another make places. Who places them: `switch.probe`."""

from dataclasses import dataclass
from enum import StrEnum

from routing.table import Hours


class HangUp(StrEnum):
    """Who ends a probe's call: the probe, or the far end. `both`: two calls, one each way."""

    CALLER = "caller"
    LINE = "line"
    BOTH = "both"


class Hears(StrEnum):
    """What a probe has to hear once its keys are pressed. `audio`: anything. `echo`: its own tone. `tone`: one of a known
    pitch."""

    NOTHING = "nothing"
    AUDIO = "audio"
    ECHO = "echo"
    TONE = "tone"


OWN_TONE_HZ = 1_004
"""What a probe sends: the test tone of North America."""
PER_DAY = 100
PDD_MS, ANSWER_MS, TALK_MS = 4_000, 30_000, 5_000
LEAST_DBM0 = -45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """One probe. Either `number`, a tracking number that is called from `trunk`, or `line`. `caller`: E.164; "": anonymous.

    `keys`: what it presses once it is answered; `,` waits for two seconds. `hears`: what it must hear then; `tone_hz`: of a `tone`.
    `echoes`: keys that it presses after that, and must hear back.
    `least_dbm0`: what is quieter counts as silence. `pdd_ms`, `answer_ms`: limits of the post-dial delay and of the answer, from
    the INVITE. `talk_ms`: how long the call lasts after its keys.
    `every_ms`: how often it is placed; None: only when it is asked for. `hours`: when it may be placed by itself; None: always.
    `per_day`: the most calls in 24 hours.
    """

    name: str
    number: str | None = None
    line: str | None = None
    trunk: str | None = None
    caller: str = ""
    keys: str = ""
    echoes: str = ""
    hears: Hears = Hears.AUDIO
    tone_hz: int = 0
    least_dbm0: float = LEAST_DBM0
    hang_up: HangUp = HangUp.CALLER
    pdd_ms: int = PDD_MS
    answer_ms: int = ANSWER_MS
    talk_ms: int = TALK_MS
    every_ms: int | None = None
    hours: Hours | None = None
    per_day: int = PER_DAY

    @property
    def target(self) -> str:
        """Returns the number or the line."""
        return self.number or self.line or ""
