"""Reads a rig's folder into a `Rig`, or says what is wrong with it. Does not run anything."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from rig_act import Act, read_act
from rig_live import LiveLimits, read_limits
from rig_ports import LOOPBACK
from rig_programs import IPV6
from rig_receiver import ReceiverKind, WebhookStep, read_receivers, webhook_step
from rig_words import RigError, duration_ms

RIG_NAME = re.compile(r"\d{2,3}-[a-z0-9-]+")
DEFAULT_DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PathKind:
    """What becomes of packets between a phone and the switch (`rig_path`). `lost_percent` of RTP, and of SIP where `loses_sip`, but no two
    with less than `apart` packets between; each RTP packet is held for up to `jitter_ms`, and may so overtake another. `hidden`: the SDP
    that the switch gets names a port from which the phone's RTP does not come, and where it gets none. `seed` None: drawn anew for each
    run."""

    lost_percent: float = 0
    apart: int = 0
    jitter_ms: int = 0
    loses_sip: bool = False
    hidden: bool = False
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SippLine:
    """An advertiser's line played by SIPp, which listens on `at`. `calls`: how many it must get; 0: it listens, and must not be called;
    None: any number."""

    name: str
    scenario: Path
    at: str = LOOPBACK
    calls: int | None = 1
    arguments: tuple[str, ...] = ()
    path: PathKind | None = None


class PhoneKind(StrEnum):
    """Whole phones beside SIPp: each is a stack of its own, with real audio."""

    PJSIP = "pjsip"
    BARESIP = "baresip"


OPTIONS = {
    PhoneKind.PJSIP: (
        "late-offer",
        "silence-suppression",
        "100rel",
        "timers",
        "info",
        "srtp",
        "tls",
        "sips",
        "loses",
        "PCMA",
        "G722",
        "inband",
        "early",
        "melody",
    ),
    PhoneKind.BARESIP: ("alone", "srtp", "tls", "PCMA", "G722", "OPUS", "melody"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One to be made for the rig: for these names and addresses, valid for so many days. `unknown`: by an authority that nobody trusts."""

    name: str
    names: tuple[str, ...] = (LOOPBACK,)
    days: int = 1
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneLine:
    """An advertiser's line played by a phone on `at`: rings `rings_ms`, answers, sends `tone_hz`. `number`: the user part of its URI."""

    name: str
    kind: PhoneKind
    tone_hz: int
    at: str = LOOPBACK
    rings_ms: int = 200
    number: str = "+12125550101"
    options: tuple[str, ...] = ()
    path: PathKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SippCaller:
    """SIPp calls from `at`. The next step begins when it is over; where `until` is named, when any phone says `mark UNTIL`."""

    scenario: Path
    at: str = LOOPBACK
    to: str = "switch"
    until: str | None = None
    arguments: tuple[str, ...] = ()
    path: PathKind | None = None

    @property
    def name(self) -> str:
        return self.scenario.stem


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCaller:
    """A phone on `at` calls `number`, presses `presses` once it is answered; `then` begins when it talks, and of the lines played by phones
    the one that `answers`, where one is named, else all. `fails`: nobody answers, and the call is over at once. `auth`: the user name and
    password that it answers challenges with; "", "": none."""

    kind: PhoneKind
    number: str
    tone_hz: int
    presses: str = ""
    then: tuple[Act, ...]
    at: str = LOOPBACK
    fails: bool = False
    to: str = "switch"
    options: tuple[str, ...] = ()
    auth: tuple[str, str] = ("", "")
    answers: str | None = None
    name: str = "caller"
    path: PathKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Calls of phones that are made and answered one after the other, and last at the same time; `then` begins when all talk."""

    calls: tuple[PhoneCaller, ...]
    then: tuple[Act, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagrams:
    """Raw datagrams from 127.0.0.1, in order, as listed in a file (see `rig_datagrams`)."""

    listed: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`rate` calls a second from 127.0.0.1, until the switch is killed between these times (ms, drawn from a seed) and started again, so
    often. `seed` None: drawn anew for each run."""

    scenario: Path
    rate: int
    kill_ms: tuple[int, int]
    rounds: int
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchStep:
    """The switch is killed with SIGKILL, or started again on the same data."""

    killed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KamailioSays:
    """Waits until a line of Kamailio's log, after those that an earlier step waited for, holds this regular expression."""

    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """The switch is told to drain, for `limit` at most; the next step begins when it takes no new calls."""

    limit: str


_Placed = SippLine | PhoneLine | SippCaller | PhoneCaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`payphone COMMAND` about the running switch prints a line, now or before long, that holds this regular expression. `once`: it changes
    something, and is given only once."""

    command: str
    pattern: str
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The monitor serves `path`, and a line of it, now or before long, holds this regular expression."""

    path: str
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """These alerts have been posted to the webhook so far, each `EVENT CAUSE`, now or before long. After the last such step no more are."""

    alerts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorKilled:
    """The monitor is killed with SIGKILL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConfig:
    """The switch's config is replaced by this file, and runs."""

    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LateLine:
    """A line played by SIPp that was not there before begins to listen."""

    name: str


Step = (
    SippCaller
    | PhoneCaller
    | Together
    | Datagrams
    | Load
    | SwitchStep
    | KamailioSays
    | Drain
    | Asked
    | Served
    | Told
    | MonitorKilled
    | NewConfig
    | LateLine
    | WebhookStep
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """One folder. `records`: the expected records, in the order of their INVITEs. `heard`: what each party must have heard, by its name.

    `every_call`: what the tones of both sides of every call must be like (`rig_tone_table`). `compared`: recordings, in the order of the
    records, and the phones of their sides (`rig_compared`). `live`: how soon `payphone live` must show calls; None: it does not watch.
    `logs`: how often a regular expression is found (a number, or from and to), by
    whose log it is. `captured`: by the carrier's Call-ID, the SIP messages that were kept of a call. `kamailio`: the configuration of the
    proxy in front of the switch, `asterisk`: the folder of that of an Asterisk, or None. `needs`: further programs. `certificates`: what
    the switch and phones show over TLS. `receivers`: of webhooks; `told`: what they must have got (`rig_receiver`).
    """

    name: str
    folder: Path
    config: str
    lines: tuple[SippLine | PhoneLine, ...]
    steps: tuple[Step, ...]
    records: tuple[Mapping[str, Any], ...]
    heard: Mapping[str, Any] = field(default_factory=dict)
    logs: Mapping[str, Mapping[str, int | list[int]]] = field(default_factory=dict)
    every_call: Mapping[str, Any] = field(default_factory=dict)
    compared: Sequence[Mapping[str, Any]] = ()
    captured: Mapping[str, Sequence[str | int]] = field(default_factory=dict)
    live: LiveLimits | None = None
    certificates: tuple[Certificate, ...] = ()
    receivers: tuple[ReceiverKind, ...] = ()
    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    deadline_s: float = DEFAULT_DEADLINE_S
    kamailio: Path | None = None
    asterisk: Path | None = None
    needs: tuple[str, ...] = ()

    @property
    def programs(self) -> frozenset[str]:
        """The names of what it needs beside the switch."""
        parties = (*self.lines, *self.steps, *calls_of(self.steps))
        found = {"sipp" for party in parties if isinstance(party, SippLine | SippCaller | Load)}
        found |= {party.kind.value for party in parties if isinstance(party, PhoneLine | PhoneCaller)} - {PhoneKind.PJSIP.value}
        found |= {IPV6 for party in parties if isinstance(party, _Placed) and ":" in party.at}
        found |= {name for name, there in (("kamailio", self.kamailio), ("asterisk", self.asterisk)) if there}
        return frozenset({*found, *self.needs})


def calls_of(steps: Sequence[Step]) -> Sequence[PhoneCaller]:
    """All calls of phones, in the order in which they are made."""
    found = [step.calls if isinstance(step, Together) else (step,) for step in steps if isinstance(step, PhoneCaller | Together)]
    return [call for calls in found for call in calls]


def find_rigs(root: Path) -> list[Path]:
    """Every rig's folder below `root`, in order of its number."""
    rigs = (folder for folder in root.iterdir() if folder.is_dir() and RIG_NAME.fullmatch(folder.name))
    return sorted(rigs, key=lambda folder: int(folder.name.partition("-")[0]))


def read_rig(folder: Path) -> Rig:
    """Raises RigError."""
    config = folder / "config.yaml"
    text = _existing(config).read_text()
    script = _mapping(
        folder / "rig.yaml",
        {"lines", "steps", "deadline", "kamailio", "asterisk", "needs", "certificates", "receivers"},
        optional=True,
    )
    expected = _mapping(
        folder / "expected.yaml", {"records", "heard", "logs", "every_call", "compared", "live", "told", "captured"}
    )
    if "records" not in expected:
        raise RigError(f"{folder / 'expected.yaml'}: `records` is missing (a list; [] where no record may be left)")
    if "log: json" not in text:
        raise RigError(f"{config}: `switch.log` must be `json`: the runner waits for what the log says")
    lines = tuple(_lines(folder, script.get("lines") or {}))
    steps = tuple(_steps(folder, script.get("steps") or [{"caller": "caller.xml"}]))
    if any(isinstance(line, PhoneLine) and "alone" not in line.options for line in lines) and not calls_of(steps):
        raise RigError(f"{folder / 'rig.yaml'}: a line with a `tone` is only answered for a step `phone`, and there is none")
    _check_parties(folder / "rig.yaml", steps, {line.name for line in lines}, beside={"kamailio", "asterisk"} & set(script))
    return Rig(
        name=folder.name,
        folder=folder,
        config=text,
        lines=lines,
        steps=steps,
        records=tuple(expected["records"] or ()),
        heard=expected.get("heard") or {},
        logs=expected.get("logs") or {},
        every_call=expected.get("every_call") or {},
        compared=expected.get("compared") or (),
        captured=expected.get("captured") or {},
        live=read_limits(expected.get("live"), str(folder / "expected.yaml")),
        receivers=read_receivers(script.get("receivers") or {}, str(folder / "rig.yaml")),
        told=expected.get("told") or {},
        certificates=tuple(_certificates(folder, script.get("certificates") or {})),
        deadline_s=duration_ms(script["deadline"]) / 1_000 if "deadline" in script else DEFAULT_DEADLINE_S,
        kamailio=_existing(folder / script["kamailio"]) if "kamailio" in script else None,
        asterisk=_existing(folder / script["asterisk"] / "pjsip.conf").parent if "asterisk" in script else None,
        needs=_words(script.get("needs")),
    )


def _lines(folder: Path, told: Mapping[str, Any]) -> Sequence[SippLine | PhoneLine]:
    scenarios = {path.stem: path for path in sorted(folder.glob("line-*.xml"))}
    return [_line(folder, name, scenarios.get(name), told.get(name) or {}) for name in sorted({*scenarios, *told})]


def _line(folder: Path, name: str, scenario: Path | None, told: Mapping[str, Any]) -> SippLine | PhoneLine:
    place = f"{folder / 'rig.yaml'}: lines.{name}"
    if "tone" in told:
        _known(told, {"tone", "rings", "phone", "number", "options", "at", "path"}, place)
        kind = _kind(told, place)
        return PhoneLine(
            name=name,
            kind=kind,
            tone_hz=int(told["tone"]),
            at=_at(told, "at", kind, place),
            rings_ms=duration_ms(told.get("rings", "200ms")),
            number=str(told.get("number", "+12125550101")),
            options=_options(told, kind, place),
            path=_path(told, place),
        )
    _known(told, {"calls", "arguments", "at", "path"}, place)
    if scenario is None:
        raise RigError(f"{place}: there is no {name}.xml, and no `tone` that would make it a phone")
    calls = told.get("calls", 1)
    return SippLine(
        name=name,
        scenario=scenario,
        at=told.get("at", LOOPBACK),
        calls=None if calls == "any" else int(calls),
        arguments=_words(told.get("arguments")),
        path=_path(told, place),
    )


def _path(told: Mapping[str, Any], place: str) -> PathKind | None:
    """`path: {loses: PERCENT, apart: PACKETS, jitter: DURATION, sip: true, hidden: true, seed: NUMBER}`."""
    if "path" not in told:
        return None
    path = told["path"] or {}
    _known(path, {"loses", "apart", "jitter", "sip", "hidden", "seed"}, f"{place}: path")
    return PathKind(
        lost_percent=float(path.get("loses", 0)),
        apart=int(path.get("apart", 0)),
        jitter_ms=duration_ms(path.get("jitter", "0ms")),
        loses_sip=bool(path.get("sip")),
        hidden=bool(path.get("hidden")),
        seed=path.get("seed"),
    )


def _certificates(folder: Path, told: Mapping[str, Any]) -> Iterator[Certificate]:
    for name, entry in told.items():
        place = f"{folder / 'rig.yaml'}: certificates.{name}"
        _known(entry, {"names", "days", "unknown"}, place)
        names = _words(entry.get("names")) or (LOOPBACK,)
        yield Certificate(name=name, names=names, days=int(entry.get("days", 1)), unknown=bool(entry.get("unknown")))


def _steps(folder: Path, told: Sequence[Mapping[str, Any]]) -> Sequence[Step]:
    return [_step(folder, step, f"{folder / 'rig.yaml'}: steps[{n}]") for n, step in enumerate(told)]


def _of_running(folder: Path, told: Mapping[str, Any]) -> Step | None:
    """Returns a step with the running switch or its monitor, or None: it is another one."""
    match told:
        case {"switch": "killed" | "started" as what, **rest} if not rest:
            return SwitchStep(killed=what == "killed")
        case {"payphone": str(command), "says": str(pattern), **rest}:
            _known(rest, {"once"}, str(folder / "rig.yaml"))
            return Asked(command=command, pattern=pattern, once=bool(rest.get("once", False)))
        case {"config": str(name), **rest} if not rest:
            return NewConfig(file=_existing(folder / name))
        case {"gets": str(path), "says": str(pattern), **rest} if not rest:
            return Served(path=path, pattern=pattern)
        case {"told": [*alerts], **rest} if not rest:
            return Told(alerts=_words(alerts))
        case {"monitor": "killed", **rest} if not rest:
            return MonitorKilled()
    return None


def _step(folder: Path, told: Mapping[str, Any], place: str) -> Step:
    if (step := _of_running(folder, told)) is not None:
        return step
    match told:
        case {"caller": str(name)}:
            _known(told, {"caller", "from", "to", "until", "arguments", "path"}, place)
            return SippCaller(
                scenario=_existing(folder / name),
                at=told.get("from", LOOPBACK),
                to=told.get("to", "switch"),
                until=told.get("until"),
                arguments=_words(told.get("arguments")),
                path=_path(told, place),
            )
        case {"phone": {"calls": str(), "tone": int()} as phone}:
            _known(told, {"phone", "then"}, place)
            return _phone_caller(phone, told.get("then") or (), place)
        case {"phones": [*phones], "then": [*then], **rest} if not rest:
            calls = tuple(_phone_caller(phone, (), place) for phone in phones)
            return Together(calls=calls, then=tuple(read_act(each, place) for each in then))
        case {"datagrams": str(name)}:
            return Datagrams(listed=_existing(folder / name))
        case {"drain": str(limit)}:
            return Drain(limit=limit)
        case {"load": str(name), "rate": int(rate), "kill": [first, last], **rest}:
            _known(rest, {"rounds", "seed"}, place)
            kill_ms = (duration_ms(first), duration_ms(last))
            rounds = int(rest.get("rounds", 1))
            return Load(scenario=_existing(folder / name), rate=rate, kill_ms=kill_ms, rounds=rounds, seed=rest.get("seed"))
        case {"line": str(name), **rest} if not rest:
            return LateLine(name=name)
        case {"kamailio says": str(pattern), **rest} if not rest:
            return KamailioSays(pattern=pattern)
    if step := webhook_step(told, place):
        return step
    raise RigError(
        f"{place}: a step is `caller: FILE.xml`, `phone: {{calls: ..., tone: ...}}`, `phones: [...]`, `datagrams: FILE.yaml`,"
        " `drain: TIME`, `load: FILE.xml`, `switch: killed`, `switch: started`, `payphone: COMMAND, says: REGEX`,"
        " `line: NAME`, `killed: COMPANION`, `receiver: NAME, gets: EVENT`, `gets: PATH, says: REGEX`, `told: [EVENT CAUSE, ...]`,"
        " `monitor: killed`, `config: FILE.yaml` or `kamailio says: REGEX`"
    )


def _phone_caller(told: Mapping[str, Any], then: Sequence[object], place: str) -> PhoneCaller:
    known = {"calls", "tone", "presses", "talks", "phone", "from", "to", "options", "name", "answers", "fails", "auth", "path"}
    _known(told, known, place)
    kind = _kind(told, place)
    talks = Act(pause_ms=duration_ms(told.get("talks", "2s")))
    name = str(told.get("name", "caller"))
    auth = told.get("auth") or {}
    _known(auth, {"username", "secret"}, f"{place}: auth")
    return PhoneCaller(
        kind=kind,
        number=told["calls"],
        tone_hz=told["tone"],
        at=_at(told, "from", kind, place),
        presses=str(told.get("presses", "")),
        then=tuple(read_act(each, place) for each in then) or (talks, Act(who=name, what="hang up")),
        to=told.get("to", "switch"),
        options=_options(told, kind, place),
        auth=(str(auth.get("username", "")), str(auth.get("secret", ""))),
        answers=told.get("answers"),
        fails=bool(told.get("fails")),
        name=name,
        path=_path(told, place),
    )


def _check_parties(place: Path, steps: Sequence[Step], lines: set[str], *, beside: set[str]) -> None:
    """Whoever is named is there. `beside`: the programs of others that the rig has beside phones."""
    for step in (*steps, *calls_of(steps)):
        if isinstance(step, SippCaller | PhoneCaller) and step.to not in {"switch", "mutual", *beside}:
            others = "`kamailio` or `asterisk` where the rig has one"
            raise RigError(f"{place}: `to: {step.to}`: a call goes to `switch`, `mutual`, or to {others}")
        if isinstance(step, KamailioSays) and "kamailio" not in beside:
            raise RigError(f"{place}: `kamailio says`, and the rig has no `kamailio: FILE.cfg`")
        if isinstance(step, PhoneCaller | Together) and (
            strangers := {act.who for act in step.then} - {"", *lines, *(call.name for call in calls_of((step,)))}
        ):
            raise RigError(f"{place}: nobody is called {', '.join(sorted(strangers))}")
        if isinstance(step, PhoneCaller) and "asterisk" not in beside and any(act.asterisk_says for act in step.then):
            raise RigError(f"{place}: `asterisk says`, and the rig has no `asterisk: FOLDER`")


def _kind(told: Mapping[str, Any], place: str) -> PhoneKind:
    name = told.get("phone", PhoneKind.PJSIP.value)
    if name not in list(PhoneKind):
        raise RigError(f"{place}: there is no phone {name!r}; there are {', '.join(PhoneKind)}")
    return PhoneKind(name)


def _options(told: Mapping[str, Any], kind: PhoneKind, place: str) -> tuple[str, ...]:
    options = _words(told.get("options"))
    if unknown := set(options) - set(OPTIONS[kind]):
        raise RigError(f"{place}: {kind} has no option {', '.join(sorted(unknown))}; it has {', '.join(OPTIONS[kind]) or 'none'}")
    return options


def _at(told: Mapping[str, Any], key: str, kind: PhoneKind, place: str) -> str:
    at = str(told.get(key, LOOPBACK))
    if kind is PhoneKind.PJSIP and ":" in at:
        raise RigError(f"{place}: `{key}: {at}`: pjsua2's wheel is built without IPv6, and would abort; baresip can")
    return at


def _words(told: object) -> tuple[str, ...]:
    return tuple(str(word) for word in told) if isinstance(told, list) else ()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise RigError(f"{path}: is missing")
    return path


def _mapping(path: Path, keys: set[str], *, optional: bool = False) -> Mapping[str, Any]:
    if optional and not path.exists():
        return {}
    try:
        read = yaml.safe_load(_existing(path).read_text()) or {}
    except yaml.YAMLError as error:
        raise RigError(f"{path}: {error}") from error
    if not isinstance(read, dict):
        raise RigError(f"{path}: must be a mapping with {', '.join(sorted(keys))}")
    _known(read, keys, str(path))
    return read


def _known(told: Mapping[Any, Any], keys: set[str], place: str) -> None:
    if unknown := set(told) - keys:
        raise RigError(f"{place}: unknown {', '.join(sorted(map(str, unknown)))}; known are {', '.join(sorted(keys))}")
