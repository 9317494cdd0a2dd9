"""PURE. Says whether the switch lives, and whether it takes calls, as programs ask for it by HTTP."""

from dataclasses import dataclass
from typing import Any

from switch.control.messages import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`code`: of HTTP. `body`: JSON values."""

    code: int
    body: dict[str, Any]


def lives(status: Status | None, why: str) -> Answer:
    """Answers /healthz: the monitor and the switch answer. `status` None: the switch does not, and `why` says so."""
    if status is None:
        return Answer(code=503, body={"status": "down", "reasons": [why]})
    return Answer(code=200, body={"status": "up", "calls": status.calls, "config": status.config})


def takes_calls(status: Status | None, why: str) -> Answer:
    """Answers /readyz: a new call would be taken, as far as the switch as a whole is concerned."""
    if status is None:
        return Answer(code=503, body={"status": "not ready", "reasons": [why]})
    reasons = []
    if status.state != "running":
        reasons.append(f"the switch is {status.state}")
    if status.ledger.why is not None:
        reasons.append(f"the ledger can't be written: {status.ledger.why}")
    if status.overloaded:
        reasons.append(f"overloaded: the switch is {status.lag_ms} ms late")
    if reasons:
        return Answer(code=503, body={"status": "not ready", "reasons": reasons})
    return Answer(code=200, body={"status": "ready", "reasons": []})
