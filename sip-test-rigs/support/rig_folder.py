"""Reads a rig's folder into a `Rig`, or says what is wrong with it. Does not run anything."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

RIG_NAME = re.compile(r"\d\d-[a-z0-9-]+")
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
DURATION = re.compile(r"(\d+)(ms|s)")
DEFAULT_DEADLINE_S = 120.0


class RigError(Exception):
    """The folder can't be run as it is; the text says which file and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SippLine:
    """An advertiser's line played by SIPp. `calls`: how many it must get; 0: it listens, and must not be called; None: any number."""

    name: str
    scenario: Path
    calls: int | None = 1
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PjLine:
    """An advertiser's line played by PJSIP: rings `rings_ms`, answers, and sends `tone_hz` until the caller hangs up."""

    name: str
    tone_hz: int
    rings_ms: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SippCaller:
    """SIPp calls from `source`. The next step begins when it is over; where `until` is named, when any phone says `mark UNTIL`."""

    scenario: Path
    source: str = "127.0.0.1"
    until: str | None = None
    arguments: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.scenario.stem


@dataclass(frozen=True, slots=True, kw_only=True)
class PjCaller:
    """PJSIP calls `number`, presses `presses` once it is answered, hangs up `talks_ms` after every PJSIP line has audio."""

    number: str
    tone_hz: int
    presses: str = ""
    talks_ms: int = 2_000
    name: str = "caller"


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
class Drain:
    """The switch is told to drain, for `limit` at most; the next step begins when it takes no new calls."""

    limit: str


Step = SippCaller | PjCaller | Datagrams | Load | Drain


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """One folder. `records`: the expected records, in the order of their INVITEs. `heard`: what each party must have heard, by its name."""

    name: str
    folder: Path
    config: str
    lines: tuple[SippLine | PjLine, ...]
    steps: tuple[Step, ...]
    records: tuple[Mapping[str, Any], ...]
    heard: Mapping[str, Any] = field(default_factory=dict)
    deadline_s: float = DEFAULT_DEADLINE_S

    @property
    def needs_sipp(self) -> bool:
        return any(isinstance(party, SippLine | SippCaller | Load) for party in (*self.lines, *self.steps))


def find_rigs(root: Path) -> list[Path]:
    """Every rig's folder below `root`, in order of its number."""
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and RIG_NAME.fullmatch(folder.name))


def read_rig(folder: Path) -> Rig:
    """Raises RigError."""
    config = folder / "config.yaml"
    text = _existing(config).read_text()
    script = _mapping(folder / "rig.yaml", {"lines", "steps", "deadline"}, optional=True)
    expected = _mapping(folder / "expected.yaml", {"records", "heard"})
    if "records" not in expected:
        raise RigError(f"{folder / 'expected.yaml'}: `records` is missing (a list; [] where no record may be left)")
    if "log: json" not in text:
        raise RigError(f"{config}: `switch.log` must be `json`: the runner waits for what the log says")
    lines = tuple(_lines(folder, script.get("lines") or {}))
    steps = tuple(_steps(folder, script.get("steps") or [{"caller": "caller.xml"}]))
    if any(isinstance(line, PjLine) for line in lines) and not any(isinstance(step, PjCaller) for step in steps):
        raise RigError(f"{folder / 'rig.yaml'}: a line with a `tone` is only answered for a step `phone`, and there is none")
    return Rig(
        name=folder.name,
        folder=folder,
        config=text,
        lines=lines,
        steps=steps,
        records=tuple(expected["records"] or ()),
        heard=expected.get("heard") or {},
        deadline_s=duration_ms(script["deadline"]) / 1_000 if "deadline" in script else DEFAULT_DEADLINE_S,
    )


def duration_ms(text: object) -> int:
    """`300ms` or `2s` in milliseconds."""
    found = DURATION.fullmatch(str(text))
    if not found:
        raise RigError(f"{text!r} is no duration: write 300ms or 2s")
    return int(found[1]) * (1 if found[2] == "ms" else 1_000)


def fill_placeholders(text: str, values: Mapping[str, str]) -> str:
    """`{sip}` and the like replaced; raises RigError for a name that has no value."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise RigError(f"config.yaml: unknown placeholder {{{found[1]}}}; there are {', '.join(sorted(values))}")
        return values[found[1]]

    return PLACEHOLDER.sub(value, text)


def _lines(folder: Path, told: Mapping[str, Any]) -> Sequence[SippLine | PjLine]:
    scenarios = {path.stem: path for path in sorted(folder.glob("line-*.xml"))}
    return [_line(folder, name, scenarios.get(name), told.get(name) or {}) for name in sorted({*scenarios, *told})]


def _line(folder: Path, name: str, scenario: Path | None, told: Mapping[str, Any]) -> SippLine | PjLine:
    place = f"{folder / 'rig.yaml'}: lines.{name}"
    if "tone" in told:
        _known(told, {"tone", "rings"}, place)
        return PjLine(name=name, tone_hz=int(told["tone"]), rings_ms=duration_ms(told.get("rings", "200ms")))
    _known(told, {"calls", "arguments"}, place)
    if scenario is None:
        raise RigError(f"{place}: there is no {name}.xml, and no `tone` that would make it a PJSIP phone")
    calls = told.get("calls", 1)
    return SippLine(
        name=name, scenario=scenario, calls=None if calls == "any" else int(calls), arguments=_words(told.get("arguments"))
    )


def _steps(folder: Path, told: Sequence[Mapping[str, Any]]) -> Sequence[Step]:
    return [_step(folder, step, f"{folder / 'rig.yaml'}: steps[{n}]") for n, step in enumerate(told)]


def _step(folder: Path, told: Mapping[str, Any], place: str) -> Step:
    match told:
        case {"caller": str(name)}:
            _known(told, {"caller", "from", "until", "arguments"}, place)
            return SippCaller(
                scenario=_existing(folder / name),
                source=told.get("from", "127.0.0.1"),
                until=told.get("until"),
                arguments=_words(told.get("arguments")),
            )
        case {"phone": {"calls": str(number), "tone": int(tone), **rest}}:
            _known(rest, {"presses", "talks"}, place)
            talks = duration_ms(rest.get("talks", "2s"))
            return PjCaller(number=number, tone_hz=tone, presses=str(rest.get("presses", "")), talks_ms=talks)
        case {"datagrams": str(name)}:
            return Datagrams(listed=_existing(folder / name))
        case {"drain": str(limit)}:
            return Drain(limit=limit)
        case {"load": str(name), "rate": int(rate), "kill": [first, last], **rest}:
            _known(rest, {"rounds", "seed"}, place)
            kill_ms = (duration_ms(first), duration_ms(last))
            rounds = int(rest.get("rounds", 1))
            return Load(scenario=_existing(folder / name), rate=rate, kill_ms=kill_ms, rounds=rounds, seed=rest.get("seed"))
    raise RigError(
        f"{place}: a step is `caller: FILE`, `phone: {{calls: ..., tone: ...}}`, `datagrams: FILE`, `drain: TIME` or `load: FILE`"
    )


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
