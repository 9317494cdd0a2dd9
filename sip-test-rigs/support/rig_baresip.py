"""Runs baresip, a phone that many people use and that shares nothing with the switch, and drives it over its `ctrl_tcp` module.

baresip 1.0 takes commands as netstrings of JSON over TCP and tells events in the same way. It plays its own tone from a WAV file, and its
module `sndfile` writes what it hears to another; `aubridge` stands in for a loudspeaker.
"""

import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from child_process import Program, tail, wait_until
from rig_audio import RATE, write_tone, write_wav
from rig_certificates import Shown
from rig_compared import MELODY_S, melody
from rig_ports import LOOPBACK, PortBlock, written
from rig_recording import unheard
from rig_words import RigError

MODULES = "/usr/lib/baresip/modules"
OWN_TONE_MS = 300_000  # baresip ends its call when the file does
OWN_TONE_DB = -10.0
CALLS = 4
"""Of one phone, in a rig: baresip 1.0 keeps the RTP ports of its calls."""
READY_DEADLINE_S = 60.0
COMMAND_DEADLINE_S = 30.0
EVENTS = {"CALL_INCOMING": "incoming", "CALL_ESTABLISHED": "talking", "CALL_CLOSED": "over"}
"""baresip's names of what `rig_phone` calls so too."""

USUAL_CODECS = "PCMU/8000/1,PCMA/8000/1"
CODECS = {"PCMA": "PCMA/8000/1", "G722": "G722/16000/1", "OPUS": "opus/48000/2"}
"""By option; it has no other codec then."""
OWN_RATES = {"G722": 16_000, "OPUS": 48_000}
"""Of the file that it plays, else 8,000 Hz: what librem 0.6 resamples from that to 16,000 Hz loses what is above 1,300 Hz."""

CONFIG = """\
poll_method epoll
sip_listen {place}
net_interface {host}
rtp_ports {rtp}-{rtp_last}
audio_source aufile,{own}
audio_player aubridge,nowhere
snd_path {sounds}
audio_alert aufile,{silence}
ausrc_srate {rate}
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
{tls}module_path {modules}
module g711.so
module g722.so
module opus.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {control}
"""
ALONE = "alone"
"""The option of a line that answers by itself."""
ACCOUNT = "<sip:{number}@{place}>;regint=0;answermode={answers};audio_codecs={codecs}{auth}{srtp}\n"


class BaresipPhone:
    """One baresip, which has one call at a time. It sends its own tone and records what it hears to NAME/dump-*-dec.wav."""

    def __init__(
        self,
        name: str,
        *,
        host: str = LOOPBACK,
        port: int,
        number: str,
        tone_hz: int,
        work: Path,
        ports: PortBlock,
        options: Sequence[str] = (),
        auth: tuple[str, str] = ("", ""),
        shown: Shown | None = None,
    ) -> None:
        """`options`, `auth`: see `rig_folder.PhoneCaller`. `shown`: its certificate over TLS, which it speaks one port further."""
        self.name = name
        self._host = host
        self.port = port
        self._work = work
        self._since = 0
        self._control = (LOOPBACK, ports.next())
        self._shown = shown
        rtp = [ports.next() for _ in range(CALLS)]
        self._configure(tone_hz, number=number, rtp=rtp[0], auth=auth, options=options)
        self._events: list[Mapping[str, Any]] = []
        self._news = threading.Condition()
        command = ["baresip", "-6" if ":" in host else "-4", "-f", str(work / name), "-v"]
        self._program = Program(command, output=work / f"{name}.output", folder=work, env={"HOME": str(work)})
        self._socket: socket.socket | None = None
        self._reader = threading.Thread(target=self._read, name=f"events of {name}", daemon=True)

    def _configure(self, tone_hz: int, *, number: str, rtp: int, auth: tuple[str, str], options: Sequence[str]) -> None:
        folder = self._work / self.name
        folder.mkdir()
        rate = next((OWN_RATES[option] for option in options if option in OWN_RATES), RATE)
        if "melody" in options:
            write_wav(folder / "own.wav", melody(tone_hz, MELODY_S, peak_db=OWN_TONE_DB))
        else:
            write_tone(folder / "own.wav", tone_hz, duration_ms=OWN_TONE_MS, peak_db=OWN_TONE_DB, rate=rate)
        write_tone(folder / "silence.wav", tone_hz, duration_ms=100, peak_db=-90.0)
        values = {
            "host": self._host,
            "place": written(self._host, self.port),
            "number": number,
            "control": written(*self._control),
            "rtp": rtp,
            "rtp_last": rtp + 2 * CALLS - 1,
            "own": folder / "own.wav",
            "silence": folder / "silence.wav",
            "sounds": self.name,  # relative: baresip 1.0 cuts the path of a recording at 128 characters
            "modules": MODULES,
            "auth": ";auth_user={};auth_pass={}".format(*auth) if auth[0] else "",
            "answers": "auto" if ALONE in options else "manual",
            "srtp": ";mediaenc=srtp-mand" if "srtp" in options else "",
            "tls": "",
            "codecs": ",".join(CODECS[option] for option in options if option in CODECS) or USUAL_CODECS,
            "rate": rate,
        }
        if self._shown is not None and self._shown.certificate and self._shown.key:
            both = folder / "certificate.pem"
            both.write_bytes(self._shown.certificate.read_bytes() + self._shown.key.read_bytes())
            values["tls"] = f"sip_certificate {both}\nsip_cafile {self._shown.ca}\n"
        (folder / "config").write_text(CONFIG.format(**values))
        (folder / "accounts").write_text(ACCOUNT.format(**values))
        (folder / "contacts").write_text("")

    @property
    def log(self) -> Path:
        return self._work / f"{self.name}.output"

    def is_ready(self) -> bool:
        """Waits until it takes commands; False when it does not come to that."""

        def connected() -> bool:
            try:
                self._socket = socket.create_connection(self._control)
            except OSError:
                return self._program.ended
            return True

        if not wait_until(connected, READY_DEADLINE_S) or self._socket is None:
            return False
        self._reader.start()
        return True

    def _read(self) -> None:
        """Netstrings: LENGTH:JSON, and a comma."""
        unread = b""
        while self._socket is not None and (chunk := _received(self._socket)):
            unread += chunk
            while b":" in unread:
                length, _, rest = unread.partition(b":")
                size = int(length)
                if len(rest) <= size:
                    break
                message, unread = json.loads(rest[:size]), rest[size + 1 :]
                with self._news:
                    self._events.append(message)
                    self._news.notify_all()

    def _command(self, name: str, params: str = "") -> None:
        """Raises RigError where baresip does not take the command."""
        if self._socket is None:
            raise RigError(f"{self.name}: baresip was not started")
        token = f"{name} {len(self._events)}"
        words = json.dumps({"command": name, "params": params, "token": token}).encode()
        self._socket.sendall(b"%d:%s," % (len(words), words))
        if not self._sees(lambda seen: seen.get("token") == token and seen["ok"], COMMAND_DEADLINE_S):
            raise RigError(f"{self.name}: baresip did not do what it was told: {name} {params}")

    def expect_call(self) -> None:
        """What it reported of calls before is not looked at any more."""
        self._since = len(self._events)

    def call(self, uri: str) -> None:
        self._command("dial", uri)

    def ring(self) -> None:
        """baresip rings by itself."""

    def answer(self) -> None:
        self._command("accept")

    def press(self, digits: str) -> None:
        for digit in digits:
            self._command("sndcode", digit)

    def hold(self, deadline_s: float) -> bool:
        """True once the other side has answered the re-INVITE."""
        return self._renegotiated("hold", deadline_s)

    def resume(self, deadline_s: float) -> bool:
        return self._renegotiated("resume", deadline_s)

    def _renegotiated(self, command: str, deadline_s: float) -> bool:
        before = self._count_answers()
        self._command(command)
        with self._news:
            return self._news.wait_for(lambda: self._count_answers() > before, deadline_s)

    def _count_answers(self) -> int:
        return sum(seen.get("type") == "CALL_REMOTE_SDP" and seen["param"] == "answer" for seen in self._events)

    def hush(self) -> None:
        """It sends silence in the place of its tone."""
        self._command("mute")

    def speak(self) -> None:
        self._command("mute")

    def hangup(self) -> None:
        self._command("hangup")

    def saw(self, event: str, deadline_s: float) -> bool:
        """True once the phone reported `event` (`incoming`, `talking`, `over`); False at the deadline."""
        return self._sees(lambda seen: EVENTS.get(seen.get("type", "")) == event, deadline_s)

    def saw_answer(self, deadline_s: float) -> bool:
        """True once its own call was answered."""
        return self.saw("talking", deadline_s)

    def _sees(self, wanted: Callable[[Mapping[str, Any]], bool], deadline_s: float) -> bool:
        with self._news:
            return self._news.wait_for(lambda: any(wanted(seen) for seen in self._events[self._since :]), deadline_s)

    @property
    def digits(self) -> str:
        """The keys that have come to it."""
        return "".join(str(seen["param"]) for seen in list(self._events) if seen.get("type") == "CALL_DTMF_START")

    def close(self) -> list[str]:
        """Makes it write its recording and end in order; returns what went wrong."""
        return [] if self._program.stop() == 0 else [f"{self.name}: baresip did not end in order, see {self.name}.output"]

    def stop(self) -> None:
        self._program.stop()
        if self._socket is not None:
            self._socket.close()

    @property
    def recordings(self) -> list[Path]:
        """What it heard, a file for each call, whole once it has ended."""
        return sorted((self._work / self.name).glob("*-dec.wav"))

    def unheard(self, wanted: Mapping[str, Any]) -> list[str]:
        """Returns what differs between what it heard and `wanted` (see `rig_recording`)."""
        return unheard(self.name, self.recordings, wanted, digits=self.digits)

    def diagnosis(self) -> Mapping[str, str]:
        events = "\n".join(f"      {json.dumps(seen)[:200]}" for seen in self._events)
        return {f"{self.name}: events": events, f"{self.name}: output": tail(self._work / f"{self.name}.output")}


def _received(control: socket.socket) -> bytes:
    try:
        return control.recv(65_536)
    except OSError:  # closed meanwhile
        return b""
