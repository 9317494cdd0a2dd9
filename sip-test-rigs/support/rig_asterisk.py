"""Runs Asterisk beside a rig's switch, as a line or as the carrier, with the rig's own configuration."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asterisk_root import find
from child_process import Program, is_bound, tail, wait_until
from rig_audio import write_tone
from rig_ports import HOST_RTP
from rig_recording import unheard
from rig_words import RigError, fill_placeholders

READY_DEADLINE_S = 60.0
READY = "Asterisk Ready."
COMMON = Path(__file__).with_name("asterisk")
"""What every rig's Asterisk has; a rig's own file of the same name replaces one."""
MUSIC_HZ = 900
MUSIC_MS = 10_000
MUSIC_DB = -12.0


class Asterisk:
    """One Asterisk on an address of its own. `at`: where it takes calls, by its `pjsip.conf`. All its files are in `work`/asterisk."""

    def __init__(self, configuration: Path, values: Mapping[str, str], *, at: tuple[str, int], work: Path) -> None:
        """`configuration`: a folder of `*.conf` with `values` to be put in. Raises RigError when Asterisk is not installed."""
        self._at = at
        self._folder = work / "asterisk"
        installed = find()
        if installed is None:
            raise RigError("there is no Asterisk")
        (self._folder / "music").mkdir(parents=True)
        write_tone(self._folder / "music" / "music.wav", MUSIC_HZ, duration_ms=MUSIC_MS, peak_db=MUSIC_DB)
        directories = "\n".join(f"{name} => {path}" for name, path in installed.directories.items())
        ports = dict(zip(("rtp_first", "rtp_last"), map(str, HOST_RTP), strict=True))
        known = {**values, **ports, "folder": str(self._folder), "directories": directories}
        for path in (*COMMON.glob("*.conf"), *configuration.glob("*.conf")):
            (self._folder / path.name).write_text(fill_placeholders(path.read_text(), known))
        command = [*installed.program, "-C", str(self._folder / "asterisk.conf"), "-f", "-n", "-q"]
        self._program = Program(command, output=work / "asterisk.log", folder=self._folder, follow=True)

    @property
    def log(self) -> Path:
        """What it says, with the SIP messages that it sends and receives."""
        return self._program.output

    def await_ready(self) -> None:
        """Raises RigError when it does not come to listen."""
        said = self._program.says(lambda lines: any(line.startswith(READY) for line in lines), READY_DEADLINE_S)
        if not said or not wait_until(lambda: is_bound(self._at[1]), READY_DEADLINE_S):
            raise RigError("Asterisk does not listen; see asterisk.log")

    def says(self, pattern: str, deadline_s: float) -> bool:
        """Waits for a line of its log that holds `pattern`, after the one that the last such wait found."""
        return self._program.says_next(pattern, deadline_s)

    def unheard(self, wanted: Mapping[str, Any]) -> list[str]:
        """Returns what differs between what it recorded and `wanted` (see `rig_recording`)."""
        recordings = sorted((self._folder / "monitor").glob("*.wav"))
        return unheard("asterisk", recordings, wanted, digits="")

    def stop(self) -> list[str]:
        ended = self._program.ended
        code = self._program.stop()
        return [f"Asterisk ended by itself with {code}"] if ended or code not in {0, -signal.SIGTERM} else []

    def diagnosis(self) -> Mapping[str, str]:
        return {"Asterisk's log, last lines": tail(self._program.output, 40)}
