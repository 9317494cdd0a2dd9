"""What phones do once they talk, as `then` in `rig.yaml` has it. Reads it; `rig_bench` does it."""

import re
from dataclasses import dataclass

from rig_words import DURATION, RigError, duration_ms

ASTERISK_SAYS = "asterisk says "
KEYS = re.compile(r"gets (\d+) keys")
VERBS = {
    "holds": "hold",
    "resumes": "resume",
    "hangs up": "hang up",
    "falls silent": "hush",
    "speaks": "speak",
    "gets another port": "rebind",
    "moves": "move",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What one phone does: `presses`, with the keys, or what VERBS has. Waits: for `pause_ms`, where `who` is ""; `reaches`: until a SIPp
    line has said `mark` and this word; `gets keys`: until so many have come; until a line of Asterisk's log holds `asterisk_says`, a
    regular expression."""

    who: str = ""
    what: str = ""
    keys: str = ""
    asterisk_says: str = ""
    pause_ms: int = 0


def read_act(told: object, place: str) -> Act:
    """`500ms`, `caller holds`, `line-a presses 12`, `caller hangs up`, `asterisk says REGEX`, and so on (VERBS)."""
    words = str(told)
    if DURATION.fullmatch(words):
        return Act(pause_ms=duration_ms(words))
    who, _, does = words.partition(" ")
    if words.startswith(ASTERISK_SAYS):
        return Act(asterisk_says=words.removeprefix(ASTERISK_SAYS))
    if does in VERBS:
        return Act(who=who, what=VERBS[does])
    if found := KEYS.fullmatch(does):
        return Act(who=who, what="gets keys", keys=found[1])
    verb, _, more = does.partition(" ")
    if verb in {"presses", "reaches"} and more:
        return Act(who=who, what=verb, keys=more)
    raise RigError(
        f"{place}: {words!r}: write a duration, `asterisk says REGEX`, or who `presses KEYS`, `gets N keys`, `reaches MARK`, "
        + ", ".join(f"`{verb}`" for verb in VERBS)
    )
