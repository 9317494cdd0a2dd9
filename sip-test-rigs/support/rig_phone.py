"""Starts a PJSIP phone (`pj_phone.py`), a process that is the only one to import pjsua2, and talks to it in JSON lines."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from child_process import Program, tail
from rig_audio import find_tone, read_wav, write_tone
from rig_folder import duration_ms
from rig_ports import PortBlock

PHONE = Path(__file__).with_name("pj_phone.py")
OWN_TONE_MS = 1_000  # played in a loop
OWN_TONE_DB = -10.0
HEARD_FLOOR_DB = -20.0
UNWANTED_FLOOR_DB = -40.0  # 30 dB below what the other sends
READY_DEADLINE_S = 60.0
CLOSE_DEADLINE_S = 60.0


class PjPhone:
    """One PJSIP phone. It sends its own tone and records what it hears to NAME.heard.wav."""

    def __init__(self, name: str, *, port: int, tone_hz: int, work: Path, ports: PortBlock) -> None:
        self.name = name
        self.port = port
        self._work = work
        self._recording = work / f"{name}.heard.wav"
        own = work / f"{name}.own.wav"
        write_tone(own, tone_hz, duration_ms=OWN_TONE_MS, peak_db=OWN_TONE_DB)
        env = {"PJ_PHONE_LOG": str(work / f"{name}.pjsip")}
        self._program = Program(
            [sys.executable, str(PHONE)], output=work / f"{name}.output", folder=work, env=env, follow=True, commands=True
        )
        self._tell({"port": port, "rtp": ports.next(), "play": str(own), "record": str(self._recording)}, do="start")

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it reported so far."""
        return [json.loads(line) for line in list(self._program.lines)]

    def _tell(self, detail: Mapping[str, object] | None = None, *, do: str) -> None:
        self._program.tell(json.dumps({"do": do, **(detail or {})}).encode())

    def call(self, uri: str) -> None:
        self._tell({"uri": uri}, do="call")

    def ring(self) -> None:
        self._tell(do="ring")

    def answer(self) -> None:
        self._tell(do="answer")

    def press(self, digits: str) -> None:
        self._tell({"digits": digits}, do="press")

    def hangup(self) -> None:
        self._tell(do="hangup")

    def saw(self, event: str, deadline_s: float) -> bool:
        """True once the phone reported `event` (`talking`, `over`, ...); False at the deadline or when it died."""
        return self._reports(lambda seen: seen["event"] == event, deadline_s)

    def saw_state(self, state: str, deadline_s: float) -> bool:
        """True once its call reached PJSIP's `state`, e.g. CONFIRMED."""
        return self._reports(lambda seen: seen == {"event": "state", "state": state}, deadline_s)

    def _reports(self, wanted: Callable[[Mapping[str, Any]], bool], deadline_s: float) -> bool:
        return self._program.says(lambda lines: any(wanted(json.loads(line)) for line in lines), deadline_s)

    def close(self) -> list[str]:
        """Make it write its recording and end in order; what went wrong."""
        self._tell(do="quit")
        code = self._program.wait(CLOSE_DEADLINE_S)
        problems = [f"{self.name}: {seen['what']}" for seen in self.events if seen["event"] == "error"]
        return problems if code == 0 else [*problems, f"{self.name}: the PJSIP phone ended with {code}, see {self.name}.output"]

    def stop(self) -> None:
        self._program.stop()

    def unheard(self, wanted: Mapping[str, Any]) -> list[str]:
        """What differs between the recording and `{tone: HZ, at_least: DURATION, not: HZ}`."""
        if not self._recording.is_file():
            return [f"{self.name}: recorded nothing"]
        samples = read_wav(self._recording)
        least_ms = duration_ms(wanted.get("at_least", "1s"))
        heard = find_tone(samples, int(wanted["tone"]), floor_db=HEARD_FLOOR_DB)
        problems = []
        if heard.heard_ms < least_ms:
            problems.append(f"{self.name}: heard {heard.hz} Hz for {heard.heard_ms} ms, expected {least_ms} ms or more")
        if "not" in wanted:
            unwanted = find_tone(samples, int(wanted["not"]), floor_db=UNWANTED_FLOOR_DB)
            if unwanted.heard_ms:
                problems.append(f"{self.name}: heard {unwanted.hz} Hz for {unwanted.heard_ms} ms at {unwanted.level_db} dBFS")
        return problems

    def diagnosis(self) -> Mapping[str, str]:
        events = "\n".join(f"      {json.dumps(seen)}" for seen in self.events)
        return {f"{self.name}: events": events, f"{self.name}: output": tail(self._work / f"{self.name}.output")}
