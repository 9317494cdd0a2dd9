"""Starts a PJSIP phone (`pj_phone.py`), a process that is the only one to import pjsua2, and talks to it in JSON lines."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from child_process import Program, tail
from rig_audio import write_tone, write_wav
from rig_certificates import Shown
from rig_compared import MELODY_S, melody
from rig_ports import PortBlock
from rig_recording import unheard

PHONE = Path(__file__).with_name("pj_phone.py")
OWN_TONE_MS = 1_000  # played in a loop
OWN_TONE_DB = -10.0
READY_DEADLINE_S = 60.0
CLOSE_DEADLINE_S = 60.0


class PjPhone:
    """One PJSIP phone. It sends its own tone and records what it hears to NAME.heard.wav."""

    def __init__(
        self,
        name: str,
        *,
        port: int,
        tone_hz: int,
        work: Path,
        ports: PortBlock,
        number: str = "+14155550123",
        options: Sequence[str] = (),
        auth: tuple[str, str] = ("", ""),
        shown: Shown | None = None,
    ) -> None:
        """`options`: see `rig_folder.OPTIONS`. `auth`: see `rig_folder.PhoneCaller`. `shown`: its certificate over TLS."""
        self.name = name
        self.port = port
        self._work = work
        self._since = 0
        self._recording = work / f"{name}.heard.wav"
        own = work / f"{name}.own.wav"
        if "melody" in options:
            write_wav(own, melody(tone_hz, MELODY_S, peak_db=OWN_TONE_DB))
        else:
            write_tone(own, tone_hz, duration_ms=OWN_TONE_MS, peak_db=OWN_TONE_DB)
        env = {"PJ_PHONE_LOG": str(self.log)}
        self._program = Program(
            [sys.executable, str(PHONE)], output=work / f"{name}.output", folder=work, env=env, follow=True, commands=True
        )
        start = {"port": port, "rtp": ports.next(), "play": str(own), "record": str(self._recording)}
        tls = (
            {} if shown is None else {"ca": str(shown.ca), "certificate": str(shown.certificate or ""), "key": str(shown.key or "")}
        )
        self._tell({**start, "number": number, "options": list(options), "auth": auth, "tls": tls}, do="start")

    @property
    def log(self) -> Path:
        """PJSIP's, with what it sent and received in full."""
        return self._work / f"{self.name}.pjsip"

    def is_ready(self) -> bool:
        """Waits until it takes commands; False when it does not come to that."""
        return self.saw("ready", READY_DEADLINE_S)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it reported so far."""
        return [json.loads(line) for line in list(self._program.lines)]

    def _tell(self, detail: Mapping[str, object] | None = None, *, do: str) -> None:
        self._program.tell(json.dumps({"do": do, **(detail or {})}).encode())

    def expect_call(self) -> None:
        """What it reported of calls before is not looked at any more."""
        self._since = len(self._program.lines)

    def call(self, uri: str) -> None:
        self._tell({"uri": uri}, do="call")

    def ring(self) -> None:
        self._tell(do="ring")

    def answer(self) -> None:
        self._tell(do="answer")

    def press(self, digits: str) -> None:
        self._tell({"digits": digits}, do="press")

    def hold(self, deadline_s: float) -> bool:
        """True once the other side has answered the re-INVITE."""
        return self._renegotiated("hold", {"held"}, deadline_s)

    def resume(self, deadline_s: float) -> bool:
        """As `hold`; the other side may be holding, too, and then it goes on to."""
        return self._renegotiated("resume", {"talking", "held"}, deadline_s)

    def _renegotiated(self, command: str, outcomes: Set[str], deadline_s: float) -> bool:
        before = _count(self._program.lines, outcomes)
        self._tell(do=command)
        return self._program.says(lambda lines: _count(lines, outcomes) > before, deadline_s)

    def hush(self) -> None:
        """It sends silence in the place of its tone."""
        self._tell(do="hush")

    def speak(self) -> None:
        self._tell(do="speak")

    def hangup(self) -> None:
        self._tell(do="hangup")

    def saw(self, event: str, deadline_s: float) -> bool:
        """True once the phone reported `event` (`talking`, `over`, ...); False at the deadline or when it died."""
        return self._reports(lambda seen: seen["event"] == event, deadline_s)

    def saw_answer(self, deadline_s: float) -> bool:
        """True once its own call was answered."""
        return self._reports(lambda seen: seen == {"event": "state", "state": "CONFIRMED"}, deadline_s)

    def _reports(self, wanted: Callable[[Mapping[str, Any]], bool], deadline_s: float) -> bool:
        return self._program.says(lambda lines: any(wanted(json.loads(line)) for line in lines[self._since :]), deadline_s)

    @property
    def digits(self) -> str:
        """The keys that have come to it."""
        return "".join(seen["digit"] for seen in self.events if seen["event"] == "digit")

    def close(self) -> list[str]:
        """Make it write its recording and end in order; what went wrong."""
        self._tell(do="quit")
        code = self._program.wait(CLOSE_DEADLINE_S)
        problems = [f"{self.name}: {seen['what']}" for seen in self.events if seen["event"] == "error"]
        return problems if code == 0 else [*problems, f"{self.name}: the PJSIP phone ended with {code}, see {self.name}.output"]

    def stop(self) -> None:
        self._program.stop()

    @property
    def recordings(self) -> list[Path]:
        """What it heard, whole once it has ended."""
        return [self._recording] if self._recording.is_file() else []

    def unheard(self, wanted: Mapping[str, Any]) -> list[str]:
        """Returns what differs between what it heard and `wanted` (see `rig_recording`)."""
        return unheard(self.name, self.recordings, wanted, digits=self.digits)

    def diagnosis(self) -> Mapping[str, str]:
        events = "\n".join(f"      {json.dumps(seen)}" for seen in self.events)
        return {f"{self.name}: events": events, f"{self.name}: output": tail(self._work / f"{self.name}.output")}


def _count(lines: Sequence[str], events: Set[str]) -> int:
    return sum(json.loads(line)["event"] in events for line in lines)
