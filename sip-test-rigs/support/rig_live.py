"""Watches the switch of a rig by `payphone live --json`, and says which calls it showed too late, or for too long."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from child_process import end_family, mortal, wait_until
from rig_switch import payphone
from rig_words import RigError, duration_ms

START_S = 60.0
END_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLimits:
    """`within_s`: how soon a call must be shown after its INVITE, and gone after its end. `lost`: how often the switch goes away."""

    within_s: float
    lost: int


def read_limits(told: Mapping[str, Any] | None, place: str) -> LiveLimits | None:
    """`live: {within: 1s, lost: 0}`. Raises RigError."""
    if told is None:
        return None
    if set(told) - {"within", "lost"} or "within" not in told:
        raise RigError(f"{place}: write `live: {{within: 1s, lost: 0}}`")
    return LiveLimits(within_s=duration_ms(told["within"]) / 1_000, lost=int(told.get("lost", 0)))


class LiveWatch:
    """Watches from now on until `stop`, through restarts of the switch."""

    def __init__(self, config: Path, *, work: Path) -> None:
        self._output = work / "live.output"
        self._events: list[tuple[float, Mapping[str, Any]]] = []
        command = mortal([payphone(), "live", "--json", "--config", str(config)])
        self._file = self._output.open("wb")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._file, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not wait_until(lambda: any(event["event"] == "watching" for _, event in self._events), START_S):
            self.stop()
            raise RigError("`payphone live` does not come to watch the switch; see live.output")

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._events.append((time.time(), json.loads(line)))
            self._file.write(line)
            self._file.flush()

    def finish(self) -> list[str]:
        """Ends once no call is shown, while the switch still runs. What was wrong."""
        if not wait_until(lambda: not self._open(), END_S):
            return [*self.stop(), f"live: still showed {', '.join(sorted(self._open()))} when all phones had ended"]
        return self.stop()

    def _open(self) -> set[str]:
        """The ids of calls that are shown."""
        shown: set[str] = set()
        for _, event in list(self._events):
            match event["event"]:
                case "call":
                    shown.add(event["call_id"])
                case "gone":
                    shown.discard(event["call_id"])
                case "lost":
                    shown.clear()
        return shown

    def stop(self) -> list[str]:
        """What was wrong with its end. Changes nothing the second time."""
        code = None
        if self._file.closed:
            return []
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        if wait_until(lambda: self._process.poll() is not None, END_S):
            code = self._process.returncode
        end_family(self._process.pid)
        self._process.wait()
        self._reader.join(END_S)
        self._file.close()
        return [] if code == 0 else [f"`payphone live` ended with {code} on SIGINT, or before"]

    def problems(self, records: Sequence[Mapping[str, Any]], limits: LiveLimits) -> list[str]:
        """What differs from all records there are."""
        problems = []
        for record in records:
            invited_s, ended_s = (datetime.fromisoformat(record[key]).timestamp() for key in ("invited_at", "ended_at"))
            if ended_s - invited_s < limits.within_s:  # it may end before it is shown
                continue
            shown_s, gone_s = self._shown(record["call_id"])
            for what, at_s, due_s in (("shown", shown_s, invited_s), ("gone", gone_s, ended_s)):
                if at_s is None or at_s - due_s > limits.within_s:
                    late = "never" if at_s is None else f"{at_s - due_s:.2f} s late"
                    problems.append(f"live: the call of {record['ani']} was {what} {late}")
        unknown = {event["call_id"] for _, event in self._events if event["event"] == "call"} - {
            each["call_id"] for each in records
        }
        problems += [f"live: showed {call_id}, which has no record" for call_id in sorted(unknown)]
        lost = sum(event["event"] == "lost" for _, event in self._events)
        return [*problems, *([] if lost == limits.lost else [f"live: the switch was lost {lost} times, expected {limits.lost}"])]

    def _shown(self, call_id: str) -> tuple[float | None, float | None]:
        """When it was first shown, and when it was gone, if it was. All are gone when the switch is lost."""
        first_s = gone_s = None
        for at_s, event in self._events:
            match event["event"]:
                case "call" if event["call_id"] == call_id:
                    first_s, gone_s = first_s or at_s, None
                case "gone" if event["call_id"] == call_id:
                    gone_s = at_s
                case "lost" if first_s is not None and gone_s is None:
                    gone_s = at_s
        return first_s, gone_s
