"""Knows how a recorded call is explained: what happened, why it went where it went, by which lines of the config, and what it earned.

Everything is read from the record: the rulings' trail holds the rules and every figure that was read. Does not decide anything anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from switch.billing.money import show_micros
from switch.billing.standing import StateRow
from switch.billing.verdict import Happened, JudgedCall, MoneyRow
from switch.call.moment import Moment, iso
from switch.settings.load import load_kept, position_of
from switch.settings.problem import Position

RULED = "Ruled"
ASKED = "config"
"""Each ruling's trail begins with what was asked, the config's version among it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule that was looked at. `where`: `campaigns.yaml:42`; `source`: what stands there. None: the config it was decided by is
    not kept, or the rule is not written down anywhere."""

    rule: str
    verdict: str
    read: Mapping[str, object]
    where: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Something that happened. `after_ms`: since the INVITE. `then`: what the call had done about it. `reasons`: of a ruling."""

    after_ms: int
    event: str
    facts: Mapping[str, object]
    then: Sequence[str]
    reasons: Sequence[Reason] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`moments`: heartbeats apart, all that happened. `states`: what became of the rows: held, disputed, void. `config_kept`: whether the
    lines of its config could be looked up."""

    judged: JudgedCall
    moments: Sequence[Scene]
    rows: Sequence[MoneyRow]
    states: Sequence[StateRow]
    config_kept: bool

    def as_json(self) -> dict[str, object]:
        record, verdict = self.judged.record, self.judged.verdict
        return {
            "call_id": record.call_id,
            "final_state": record.final_state.value,
            "config": record.config,
            "config_kept": self.config_kept,
            "seed": record.seed,
            "tags": dict(record.tags),
            "moments": [asdict(moment) for moment in self.moments],
            "rule": verdict.rule,
            "why": verdict.why,
            "money": [asdict(row) for row in self.rows],
            "states": [asdict(state) for state in self.states],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The config a call was decided by. Empty where the ledger has not kept it."""

    positions: Mapping[str, Position] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def find(self, rule: str) -> tuple[str | None, str | None]:
        """Where a rule is written, and the line that says it."""
        position = position_of(self.positions, rule)
        if position is None:
            return None, None
        name = Path(position.file).name
        lines = self.files.get(name, "").splitlines()
        source = lines[position.line - 1].strip() if position.line <= len(lines) else None
        return f"{name}:{position.line}", source


def sources(files: Mapping[str, str] | None) -> Sources:
    """What the files of a kept config say where."""
    if not files:
        return Sources()
    return Sources(positions=load_kept(files).positions, files=files)


def explain(
    judged: JudgedCall, *, rows: Sequence[MoneyRow], config: Sources, states: Sequence[StateRow] | None = None
) -> Explanation:
    """`rows`: all money of the call, corrections and what was posted later included. `states`: theirs; None: those it was judged with."""
    rulings = _rulings(judged, config)
    moments = [_moment(judged, happened, rulings) for happened in judged.events]
    if not judged.events:  # from before events were kept: the reasons are there all the same
        moments = [Scene(after_ms=0, event=RULED, facts={}, then=(), reasons=reasons) for reasons in rulings]
    return Explanation(
        judged=judged,
        moments=moments,
        rows=rows,
        states=judged.verdict.states if states is None else states,
        config_kept=bool(config.files),
    )


def told(explanation: Explanation) -> Iterator[str]:
    """The explanation for people, line by line."""
    record, verdict = explanation.judged.record, explanation.judged.verdict
    yield f"call {record.call_id}: {record.ani or 'anonymous'} called {record.did} by trunk {record.trunk or '-'}"
    yield f"  publisher {record.publisher or '-'}, campaign {record.campaign or '-'}, config {record.config}, seed {record.seed}"
    if not explanation.config_kept:
        yield "  (the files of that config are not in the ledger: rules are named without their lines)"
    for name, value in sorted(record.tags.items()):
        yield f"  tag {name} = {value}"
    yield "what happened"
    for moment in explanation.moments:
        yield from _told(moment)
    yield f"the end: {record.final_state}, ended by {record.ended_by} ({record.ended_detail}), SIP {record.sip_code or '-'}"
    yield f"  total {record.total_ms} ms, menu {record.menu_ms} ms, connected {record.connected_ms} ms"
    yield f"money: {verdict.rule}"
    yield f"  {verdict.why}"
    for row in explanation.rows:
        corrected = f", corrects {row.corrects}" if row.corrects else ""
        yield f"  {row.kind} {show_micros(row.amount_micros)} {row.party or '-'}: {row.reason} (by {row.actor}{corrected}) [{row.key}]"
    for state in explanation.states:
        until = "" if state.until_us is None else f" until {iso(Moment(mono_ns=0, utc_us=state.until_us))}"
        yield f"  {state.state}{until}: {state.reason} (by {state.actor}) [{state.of}]"


def _told(moment: Scene) -> Iterator[str]:
    facts = " ".join(f"{name}={value}" for name, value in moment.facts.items() if value not in (None, "", {}))
    yield f"  {moment.after_ms / 1000:9.3f} s  {moment.event} {facts}".rstrip()
    for reason in moment.reasons:
        read = " ".join(f"{name}={value}" for name, value in reason.read.items() if value != "")
        yield f"               {reason.rule}: {reason.verdict}" + (f"  ({read})" if read else "")
        if reason.where is not None:
            yield f"                 {reason.where}  {reason.source or ''}".rstrip()
    for command in moment.then:
        yield f"               -> {command}"


def _moment(judged: JudgedCall, happened: Happened, rulings: list[list[Reason]]) -> Scene:
    facts = dict(happened.facts)
    then = facts.pop("then", ())
    return Scene(
        after_ms=max(0, (happened.at_us - judged.record.invited_us) // 1_000),
        event=happened.event,
        facts=facts,
        then=tuple(str(command) for command in then) if isinstance(then, list | tuple) else (),
        reasons=tuple(rulings.pop(0)) if happened.event == RULED and rulings else (),
    )


def _rulings(judged: JudgedCall, config: Sources) -> list[list[Reason]]:
    """The trail, cut into one list for each ruling."""
    found: list[list[Reason]] = []
    for entry in judged.record.trail:
        rule = str(entry["rule"])
        where, source = config.find(rule)
        read = entry["read"]
        reason = Reason(
            rule=rule,
            verdict=str(entry["verdict"]),
            read=dict(read) if isinstance(read, Mapping) else {},
            where=where,
            source=source,
        )
        if not found or ASKED in reason.read:
            found.append([])
        found[-1].append(reason)
    return found
