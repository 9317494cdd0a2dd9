"""Sets up one rig (ports, switch, lines), plays its steps, and compares what is left with what the rig expects."""

import random
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_never

from child_process import wait_until
from rig_act import Act
from rig_asterisk import Asterisk
from rig_audio import write_wav
from rig_baresip import BaresipPhone
from rig_certificates import Certificates
from rig_crash import Round, callers, seen, wrong
from rig_datagrams import throw
from rig_dns import NameServer
from rig_expect import differences
from rig_folder import (
    Asked,
    Datagrams,
    Drain,
    KamailioSays,
    LateLine,
    Load,
    MonitorKilled,
    NewConfig,
    PathKind,
    PhoneCaller,
    PhoneKind,
    PhoneLine,
    Rig,
    Served,
    SippCaller,
    SippLine,
    Step,
    SwitchStep,
    Together,
    Told,
)
from rig_hearing import AudioPhone, Hearing, Phone
from rig_kamailio import Kamailio
from rig_live import LiveWatch
from rig_monitor import MonitorWatch, kill_monitor
from rig_path import NetworkPath
from rig_phone import PjPhone
from rig_ports import HOST_RTP, LOOPBACK, LOOPBACK6, PortBlock, swallow, written
from rig_receiver import Receiver, WebhookStep
from rig_sipp import SippPhone
from rig_switch import Switch, SwitchError
from rig_words import RigError, fill_placeholders

LINE_END_DEADLINE_S = 60.0
CALLER_NUMBER = "+14155550123"


class Bench:
    """Everything of one run of one rig. `run()` once, then `diagnosis()` for a reader; nothing of it runs afterwards."""

    def __init__(self, rig: Rig, work: Path) -> None:
        self._rig = rig
        self._work = work
        self.notes: list[str] = []
        self._ports = PortBlock()
        self._mute = swallow(self._ports.next())
        self._switch_at = (LOOPBACK, self._ports.next())
        self._tls_port = self._ports.next()
        self._mutual_port = self._ports.next()
        self._certificates = Certificates(work / "config" / "tls", rig.certificates)
        self._line_ports = {line.name: self._ports.next() for line in rig.lines}
        self._paths = {line.name: self._path(line.path) for line in rig.lines if line.path is not None}
        self._switch: Switch | None = None
        self._proxy_at = (LOOPBACK, self._ports.next())
        self._proxy_inner = (LOOPBACK, self._ports.next())
        self._kamailio: Kamailio | None = None
        self._asterisk_at = (self._ports.host, self._ports.next())
        self._asterisk: Asterisk | None = None
        self._dns_at = (LOOPBACK, self._ports.next())
        self._name_server: NameServer | None = None
        self._receivers = {kind.name: Receiver(kind) for kind in rig.receivers}
        self._monitor_port, self._hook_port = self._ports.next(), self._ports.next()
        self._watch: MonitorWatch | None = None
        self._lines: dict[str, Phone] = {}
        self._callers: dict[str, Phone] = {}
        self._live: LiveWatch | None = None
        self._before = 0

    def run(self) -> list[str]:
        """Run it; what went wrong, empty when the rig passed."""
        problems: list[str] = []
        try:
            switch = self._start()
            for step in self._rig.steps:
                problems += self._play(step)
            problems += self._finish()
            problems += self._live.finish() if self._live else []
            records = switch.last_records(len(self._rig.records))
            problems += differences(self._rig.records, records[self._before :])
            problems += self._live.problems(records, self._rig.live) if self._live and self._rig.live else []
            problems += self._heard(records[self._before :])
            problems += self._captured(switch)
            for name, expected in self._rig.told.items():
                problems += self._receivers[name].problems(expected)
        except (RigError, SwitchError) as error:
            problems.append(str(error))
        finally:
            problems += self._stop()
        return problems

    def _start(self) -> Switch:
        """The switch takes the longest to start, so the lines start meanwhile."""
        values = self._placeholders()
        zone = self._rig.folder / "dns.zone"
        if zone.exists():
            self._name_server = NameServer(fill_placeholders(zone.read_text(), values), at=self._dns_at)
        if any(isinstance(step, Served | Told) for step in self._rig.steps):
            self._watch = MonitorWatch(self._monitor_port, self._hook_port)
        self._switch = Switch(self._work, fill_placeholders(self._rig.config, values))
        if self._rig.kamailio is not None:
            for path in (self._rig.kamailio, *sorted(self._rig.folder.glob("*.list"))):
                (self._work / path.name).write_text(fill_placeholders(path.read_text(), values))
            self._kamailio = Kamailio(self._work / self._rig.kamailio.name, outer=self._proxy_at, work=self._work)
        if self._rig.asterisk is not None:
            self._asterisk = Asterisk(self._rig.asterisk, values, at=self._asterisk_at, work=self._work)
        late = {step.name for step in self._rig.steps if isinstance(step, LateLine)}
        for line in self._rig.lines:
            if line.name not in late:
                self._start_line(line)
        if self._kamailio is not None:
            self._kamailio.await_ready()
        if self._asterisk is not None:
            self._asterisk.await_ready()
        self._switch.await_ready()
        if self._rig.live is not None:
            self._live = LiveWatch(self._switch.config_dir, work=self._work)
        return self._switch

    def _placeholders(self) -> Mapping[str, str]:
        first, last = self._ports.rtp_range
        lines = {line.name.replace("-", "_"): written(line.at, self._reached_at(line)) for line in self._rig.lines}
        ports = {f"{line.name.replace('-', '_')}_port": str(self._reached_at(line)) for line in self._rig.lines}
        mute = "{}:{}".format(*self._mute.getsockname())
        return {
            "sip": "{}:{}".format(*self._switch_at),
            "sip6": written(LOOPBACK6, self._switch_at[1]),
            "sip_tls": f"{LOOPBACK}:{self._tls_port}",
            "sip_mutual": f"{LOOPBACK}:{self._mutual_port}",
            "tls": str(self._work / "config" / "tls"),
            "rtp": f"{first}-{last}",
            "metrics": f"{LOOPBACK}:{self._monitor_port}",
            "webhook": f"http://{LOOPBACK}:{self._hook_port}/alerts",
            "mute": mute,
            "mute_port": mute.rpartition(":")[2],
            "dns": "{}:{}".format(*self._dns_at),
            "kamailio": "{}:{}".format(*self._proxy_at),
            "kamailio_inner": "{}:{}".format(*self._proxy_inner),
            "asterisk": "{}:{}".format(*self._asterisk_at),
            "host": self._ports.host,
            "host_rtp": "{}-{}".format(*HOST_RTP),
            **lines,
            **ports,
            **{name: receiver.at for name, receiver in self._receivers.items()},
        }

    def _reached_at(self, line: SippLine | PhoneLine) -> int:
        """Returns the port that it is called on. baresip speaks TLS one further than the others."""
        if line.name in self._paths:
            return self._paths[line.name].outer[1]
        speaks_tls = isinstance(line, PhoneLine) and line.kind is PhoneKind.BARESIP and "tls" in line.options
        return self._line_ports[line.name] + speaks_tls

    def _path(self, kind: PathKind) -> NetworkPath:
        seed = secrets.randbelow(10**6) if kind.seed is None else kind.seed
        return NetworkPath(kind, ports=self._ports, seed=seed)

    def _start_line(self, line: SippLine | PhoneLine) -> None:
        port = self._line_ports[line.name]
        if line.name in self._paths:
            self._paths[line.name].begin(phone=(LOOPBACK, port), switch=self._switch_at)
        match line:
            case SippLine():
                phone = SippPhone(line.name, scenario=line.scenario, source=line.at, port=port, work=self._work, ports=self._ports)
                self._lines[line.name] = phone
                arguments = [fill_placeholders(each, self._placeholders()) for each in line.arguments]
                if not phone.listen(calls=line.calls, arguments=arguments):
                    raise RigError(f"{line.name}: SIPp does not listen; see {line.name}.screen and {line.name}.error")
            case PhoneLine():
                self._lines[line.name] = self._phone(line, port=port, number=line.number)
            case _:
                assert_never(line)

    def _phone(self, party: PhoneLine | PhoneCaller, *, port: int, number: str) -> AudioPhone:
        phone: AudioPhone
        auth = party.auth if isinstance(party, PhoneCaller) else ("", "")
        shown = self._certificates.of(party.name) if {"tls", "sips"} & set(party.options) else None
        match party.kind:
            case PhoneKind.PJSIP:
                phone = PjPhone(
                    party.name,
                    port=port,
                    number=number,
                    tone_hz=party.tone_hz,
                    work=self._work,
                    ports=self._ports,
                    options=party.options,
                    auth=auth,
                    shown=shown,
                )
            case PhoneKind.BARESIP:
                phone = BaresipPhone(
                    party.name,
                    host=party.at,
                    port=port,
                    number=number,
                    tone_hz=party.tone_hz,
                    work=self._work,
                    ports=self._ports,
                    options=party.options,
                    auth=auth,
                    shown=shown,
                )
            case _:
                assert_never(party.kind)
        (self._lines if isinstance(party, PhoneLine) else self._callers)[party.name] = phone
        if not phone.is_ready():
            raise RigError(f"{party.name}: the {party.kind} phone does not start; see {party.name}.output")
        return phone

    def _play(self, step: Step) -> list[str]:
        match step:
            case Datagrams():
                return throw(step.listed, self._switch_at)
            case SippCaller():
                return self._play_sipp(step)
            case PhoneCaller():
                return self._play_phones([step], step.then)
            case Together():
                return self._play_phones(step.calls, step.then)
            case Load():
                return self._play_load(step)
            case SwitchStep() | Drain() | Asked() | NewConfig():
                return self._play_switch(step)
            case KamailioSays():
                return [] if self._kamailio is None else self._kamailio.says(step.pattern, self._rig.deadline_s)
            case WebhookStep():
                return self._play_webhooks(step)
            case Served() | Told() | MonitorKilled():
                return self._play_monitor(step)
            case LateLine():
                self._start_line(next(line for line in self._rig.lines if line.name == step.name))
                return []
            case _:
                assert_never(step)

    def _play_webhooks(self, step: WebhookStep) -> list[str]:
        if step.killed:
            return self._running().kill_companion(step.killed)
        return self._receivers[step.receiver].gets(step.event, step.tries, self._rig.deadline_s)

    def _play_switch(self, step: SwitchStep | Drain | Asked | NewConfig) -> list[str]:
        match step:
            case SwitchStep():
                return self._kill_or_start(step)
            case Drain(limit=limit):
                return self._running().drain(limit)
            case Asked(command=command, pattern=pattern, once=once):
                return self._running().says(command, pattern, 0 if once else self._rig.deadline_s)
            case NewConfig(file=file):
                return self._running().follow(fill_placeholders(file.read_text(), self._placeholders()))
            case _:
                assert_never(step)

    def _play_monitor(self, step: Served | Told | MonitorKilled) -> list[str]:
        match step:
            case Served(path=path, pattern=pattern):
                return [] if self._watch is None else self._watch.serves(path, pattern, self._rig.deadline_s)
            case Told(alerts=alerts):
                return [] if self._watch is None else self._watch.tells(alerts, self._rig.deadline_s)
            case MonitorKilled():
                return kill_monitor(self._running().pid)
            case _:
                assert_never(step)

    def _play_load(self, step: Load) -> list[str]:
        """Load, kill, start again: so often, on the same data. That calls are taken again at once is what the next load is about."""
        seed = secrets.randbelow(10**6) if step.seed is None else step.seed
        draws = random.Random(seed)  # noqa: S311 chance, not a secret
        rounds = [self._crash(step, number, after_ms=draws.randint(*step.kill_ms)) for number in range(1, step.rounds + 1)]
        records = self._running().records_now()
        self._before = len(records)
        self.notes.append(f"seed {seed}: killed after {', '.join(each.summary for each in rounds)}; {len(records)} records")
        return [*wrong(rounds, records), *differences([{}] * len(records), records), *self._running().audit()]

    def _crash(self, step: Load, number: int, *, after_ms: int) -> Round:
        switch, calls = self._running(), step.rate * (step.kill_ms[1] // 1_000 + 1)
        name, port = f"{step.scenario.stem}-{number}", self._ports.next()
        phone = SippPhone(name, scenario=step.scenario, source=LOOPBACK, port=port, work=self._work, ports=self._ports)
        self._callers[name] = phone
        anis = callers(self._work / f"{name}.callers", number=number, calls=calls)
        phone.load(self._switch_at, rate=step.rate, calls=calls, callers=self._work / f"{name}.callers")
        if switch.ended_within(after_ms / 1_000):
            raise SwitchError(f"the switch ended by itself under the load {name}")
        switch.kill()
        killed_s = time.time()
        phone.stop()
        switch.start_again()
        return Round(killed_ms=after_ms, killed_s=killed_s, calls=seen(phone.shortmessages, anis))

    def _kill_or_start(self, step: SwitchStep) -> list[str]:
        """Records from before the switch was started again are looked at as those of a load are: `expected.yaml` speaks of later ones."""
        switch = self._running()
        if step.killed:
            switch.kill()
            return []
        switch.start_again()
        records = switch.records_now()
        self._before = len(records)
        return differences([{}] * len(records), records)

    def _address_of(self, party: str, *, caller: str) -> tuple[str, int]:
        """Of the family of the caller's own address."""
        host, port = {"kamailio": self._proxy_at, "asterisk": self._asterisk_at}.get(party, self._switch_at)
        return LOOPBACK6 if ":" in caller else host, port

    def _running(self) -> Switch:
        if self._switch is None:
            raise SwitchError("there is no switch")
        return self._switch

    def _play_sipp(self, step: SippCaller) -> list[str]:
        if step.name in self._callers:
            raise RigError(f"rig.yaml: {step.scenario.name} is called twice; copy it to a file of another name")
        port = self._ports.next()
        phone = SippPhone(step.name, scenario=step.scenario, source=step.at, port=port, work=self._work, ports=self._ports)
        self._callers[step.name] = phone
        place = self._address_of(step.to, caller=step.at)
        if step.path is not None:
            self._paths[step.name] = self._path(step.path)
            self._paths[step.name].begin(phone=(LOOPBACK, port), switch=place)
            place = self._paths[step.name].inner
        phone.dial(place, step.arguments)
        if step.until is None:
            return phone.finish(self._rig.deadline_s)
        return self._await_mark(phone, step.until)

    def _await_mark(self, caller: SippPhone, mark: str) -> list[str]:
        """Wait for whichever phone says `mark MARK`, for as long as the caller lives."""
        said = [phone.handset.mark(mark) for phone in self._phones() if isinstance(phone, SippPhone)]
        wait_until(lambda: any(event.is_set() for event in said) or caller.ended, self._rig.deadline_s)
        return [] if any(event.is_set() for event in said) else [f"{caller.name}: began, and nobody came to `mark {mark}`"]

    def _play_phones(self, calls: Sequence[PhoneCaller], then: Sequence[Act]) -> list[str]:
        """Whole calls between phones: dial, press, ring, answer, one call after the other, and what they all do then."""
        phones: dict[str, AudioPhone] = {}
        for step in calls:
            talking, failed = self._begin_talk(step)
            if failed or step.fails:
                return [failed] if failed else []
            phones |= talking
        for act in then:
            if problem := self._act(act, phones):
                return [problem]
        return [f"{name}: its call did not end" for name, phone in phones.items() if not phone.saw("over", self._rig.deadline_s)]

    def _begin_talk(self, step: PhoneCaller) -> tuple[Mapping[str, AudioPhone], str]:
        """Who talks now, by name, and what went wrong."""
        caller = self._caller(step)
        answering = [line for line in self._rig.lines if isinstance(line, PhoneLine) and step.answers in (None, line.name)]
        lines = {line.name: phone for line in answering if not isinstance(phone := self._lines[line.name], SippPhone)}
        for phone in (caller, *lines.values()):
            phone.expect_call()
        caller.call(self._uri(step))
        if step.fails:
            return {}, "" if caller.saw("over", self._rig.deadline_s) else f"{step.name}: its call did not fail"
        if step.presses:
            if not caller.saw_answer(self._rig.deadline_s):
                return {}, f"{step.name}: was not answered"
            caller.press(step.presses)
        for line in answering:
            if failed := self._answer(line):
                return {}, failed
        if not caller.saw("talking", self._rig.deadline_s):
            return {}, f"{step.name}: was not answered, or has no audio"
        return {step.name: caller, **lines}, ""

    def _caller(self, step: PhoneCaller) -> AudioPhone:
        """The phone of that name; one that has called before calls again."""
        known = self._callers.get(step.name)
        if known is not None and not isinstance(known, SippPhone):
            return known
        port = self._ports.next()
        if step.path is not None:
            self._paths[step.name] = self._path(step.path)
            self._paths[step.name].begin(phone=(LOOPBACK, port), switch=self._switch_at)
        return self._phone(step, port=port, number=CALLER_NUMBER)

    def _uri(self, step: PhoneCaller) -> str:
        host, port = self._address_of(step.to, caller=step.at)
        if {"tls", "sips"} & set(step.options):
            port = {"switch": self._tls_port, "mutual": self._mutual_port}.get(step.to, port)
        if step.name in self._paths:
            host, port = self._paths[step.name].inner
        if "sips" in step.options:
            return f"sips:{step.number}@{written(host, port)}"
        return f"sip:{step.number}@{written(host, port)}" + (";transport=tls" if "tls" in step.options else "")

    def _act(self, act: Act, phones: Mapping[str, AudioPhone]) -> str | None:
        """Returns what went wrong."""
        if act.asterisk_says and self._asterisk is not None:
            said = self._asterisk.says(act.asterisk_says, self._rig.deadline_s)
            return None if said else f"Asterisk's log had no {act.asterisk_says!r} within {self._rig.deadline_s:.0f} s"
        if not act.who:
            return "the call ended before anybody hung up" if self._any_over(phones, act.pause_ms) else None
        if act.what == "reaches":
            said = _sipp(self._lines[act.who]).handset.mark(act.keys).wait(self._rig.deadline_s)
            return None if said else f"{act.who}: did not come to `mark {act.keys}`"
        if act.what == "gets keys":
            party = phones.get(act.who) or self._lines[act.who]
            came = wait_until(lambda: len(party.digits) >= int(act.keys), self._rig.deadline_s)
            return None if came else f"{act.who}: got the keys {party.digits!r}, and no more"
        phone, deadline_s = phones[act.who], self._rig.deadline_s
        match act.what:
            case "hold":
                return None if phone.hold(deadline_s) else f"{act.who}: its hold was not accepted"
            case "resume":
                return None if phone.resume(deadline_s) else f"{act.who}: its hold did not end"
            case "presses":
                phone.press(act.keys)
            case "hush":
                phone.hush()
            case "speak":
                phone.speak()
            case "rebind":
                self._paths[act.who].rebind()
            case "move":
                self._paths[act.who].move()
                return None if phone.resume(deadline_s) else f"{act.who}: its re-INVITE was not accepted"
            case _:
                phone.hangup()
        return None

    def _any_over(self, phones: Mapping[str, AudioPhone], within_ms: int) -> bool:
        return wait_until(lambda: any(phone.saw("over", 0) for phone in phones.values()), within_ms / 1_000)

    def _answer(self, line: PhoneLine) -> str | None:
        phone = self._lines[line.name]
        if isinstance(phone, SippPhone) or not phone.saw("incoming", self._rig.deadline_s):
            return f"{line.name}: was not called"
        phone.ring()
        if phone.saw("over", line.rings_ms / 1_000):
            return f"{line.name}: was given up while it rang"
        phone.answer()
        return None if phone.saw("talking", self._rig.deadline_s) else f"{line.name}: answered, and has no audio"

    def _finish(self) -> list[str]:
        """Let everybody come to their end: callers first, then lines, which only answer to what the switch does."""
        problems = []
        for step in self._rig.steps:
            if isinstance(step, SippCaller) and step.until is not None:
                problems += _sipp(self._callers[step.name]).finish(self._rig.deadline_s)
        for line in self._rig.lines:
            if isinstance(line, SippLine) and line.calls:
                problems += _sipp(self._lines[line.name]).finish(LINE_END_DEADLINE_S)
            elif isinstance(line, SippLine) and line.calls == 0 and _sipp(self._lines[line.name]).ended:
                problems.append(f"{line.name}: was called, and must not be")
        for phone in self._phones():
            if not isinstance(phone, SippPhone):
                problems += phone.close()
        told = [step.alerts for step in self._rig.steps if isinstance(step, Told)]
        if told and self._watch is not None:
            problems += self._watch.tells_no_more(told[-1])
        return problems

    def _captured(self, switch: Switch) -> list[str]:
        wanted = {call: [str(word) for word in words] for call, words in self._rig.captured.items()}
        found = {call: switch.captured(call) for call in wanted}
        return [f"captured of {call}: {found[call]}, not {words}" for call, words in wanted.items() if found[call] != words]

    def _heard(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        phones = {phone.name: phone for phone in self._phones()}
        hearing = Hearing(self._rig, phones=phones, paths=self._paths, asterisk=self._asterisk, work=self._work)
        problems = hearing.problems(records, switch_log=self._running().log)
        self.notes += hearing.notes
        return problems

    def _phones(self) -> Iterator[Phone]:
        yield from self._callers.values()
        yield from self._lines.values()

    def _stop(self) -> list[str]:
        for phone in self._phones():
            phone.stop()
        if self._live:
            self._live.stop()
        problems = self._switch.stop() if self._switch else []
        problems += self._kamailio.stop() if self._kamailio else []
        problems += self._asterisk.stop() if self._asterisk else []
        if self._name_server:
            self._name_server.stop()
        for receiver in self._receivers.values():
            receiver.stop()
        for name, path in self._paths.items():
            path.close()
            self.notes.append(path.summary(name))
            write_wav(self._work / f"{name}.passed.wav", path.passed.samples()[0])
        if self._watch is not None:
            self._watch.close()
        self._mute.close()
        self._ports.close()
        return problems

    def diagnosis(self) -> dict[str, str]:
        """Titles and texts that show a reader what happened."""
        texts: dict[str, str] = {}
        for phone in self._phones():
            texts.update(phone.diagnosis())
        if self._kamailio:
            texts.update(self._kamailio.diagnosis())
        if self._asterisk:
            texts.update(self._asterisk.diagnosis())
        if self._switch:
            texts.update(self._switch.diagnosis())
        return {title: text for title, text in texts.items() if text}


def _sipp(phone: Phone) -> SippPhone:
    if not isinstance(phone, SippPhone):
        raise RigError(f"{phone.name}: is no SIPp phone")
    return phone
