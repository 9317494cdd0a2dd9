"""Compares what was heard, recorded and logged in a rig with what its `expected.yaml` says. The phones have ended by then."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import rig_compared
import rig_recording
from rig_asterisk import Asterisk
from rig_baresip import BaresipPhone
from rig_call_recording import SIDES, sides_of
from rig_expect import unheard
from rig_folder import PhoneLine, Rig, calls_of
from rig_path import NetworkPath
from rig_phone import PjPhone
from rig_sipp import SippPhone
from rig_tone_table import ToneTable, Way
from rig_words import RigError

AudioPhone = PjPhone | BaresipPhone
Phone = SippPhone | AudioPhone


class Hearing:
    """`phones`, `paths`: by name. `notes`: what there is to say of a rig that passed, too."""

    def __init__(
        self,
        rig: Rig,
        *,
        phones: Mapping[str, Phone],
        paths: Mapping[str, NetworkPath],
        asterisk: Asterisk | None,
        work: Path,
    ) -> None:
        self._rig = rig
        self._phones = phones
        self._paths = paths
        self._asterisk = asterisk
        self._work = work
        self.notes: list[str] = []

    def problems(self, records: Sequence[Mapping[str, Any]], *, switch_log: Path) -> list[str]:
        """What differs. `records`: those that `expected.yaml` speaks of."""
        return [*self._of_sipp(), *self._of_phones(), *self._of_calls(), *self._of_recordings(records), *self._of_logs(switch_log)]

    def _of_sipp(self) -> Iterator[str]:
        handsets = {name: phone.handset for name, phone in self._phones.items() if isinstance(phone, SippPhone)}
        packets = {name: handset.received for name, handset in handsets.items()}
        yield from unheard(self._rig.heard, packets, {name: handset.heard for name, handset in handsets.items()})
        for name, handset in handsets.items():
            if isinstance(wanted := self._rig.heard.get(name), dict):
                yield from handset.rtp.unheard(name, wanted, handset.heard)

    def _of_phones(self) -> Iterator[str]:
        for name, phone in self._phones.items():
            if not isinstance(phone, SippPhone) and name in self._rig.heard:
                yield from phone.unheard(self._rig.heard[name])
        if self._asterisk is not None and "asterisk" in self._rig.heard:
            yield from self._asterisk.unheard(self._rig.heard["asterisk"])

    def _of_calls(self) -> Iterator[str]:
        if self._rig.every_call:
            table = ToneTable(self._rig.every_call, list(self._ways()))
            self.notes += table.rows()
            yield from table.problems()

    def _ways(self) -> Iterator[Way]:
        """Both directions of every call between two phones."""
        lines = {line.name: line for line in self._rig.lines if isinstance(line, PhoneLine)}
        for call in calls_of(self._rig.steps):
            line = lines[call.answers or next(iter(lines))]
            yield Way(sender=call.name, hz=call.tone_hz, hearer=line.name, recordings=self._recorded_by(line.name))
            yield Way(sender=line.name, hz=line.tone_hz, hearer=call.name, recordings=self._recorded_by(call.name))

    def _recorded_by(self, name: str) -> Sequence[Path]:
        phone = self._phones[name]
        if isinstance(phone, SippPhone):
            raise RigError(f"{name}: a SIPp phone records nothing")
        return phone.recordings

    def _of_recordings(self, records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        for name in sorted(SIDES.keys() & self._rig.heard.keys()):
            yield from rig_recording.unheard(name, sides_of(self._work)[name], self._rig.heard[name], digits="")
        for wanted, record in zip(self._rig.compared, records, strict=False):
            place = f"the recording of {wanted['left']} and {wanted['right']}"
            recorded = rig_compared.sides_of_call(self._work / "var" / "recordings", record["call_id"])
            if not recorded:
                yield f"{place}: there is none of both sides"
                continue
            sides = {name: rig_compared.compare(audio, self._paths[wanted[name]].passed) for name, audio in recorded.items()}
            self.notes.append(rig_compared.summary(sides, place=place))
            yield from rig_compared.problems(wanted, sides, place=place)

    def _of_logs(self, switch_log: Path) -> Iterator[str]:
        logs = {name: phone.log for name, phone in self._phones.items() if not isinstance(phone, SippPhone)}
        logs["switch"] = switch_log
        if self._asterisk is not None:
            logs["asterisk"] = self._asterisk.log
        for party, expected in self._rig.logs.items():
            text = logs[party].read_text(errors="replace")
            for pattern, wanted in expected.items():
                found = len(re.findall(pattern, text, re.MULTILINE))
                low, high = wanted if isinstance(wanted, list) else (wanted, wanted)
                if not low <= found <= high:
                    yield f"{party}: its log has {pattern!r} {found} times, and {wanted} are expected"
