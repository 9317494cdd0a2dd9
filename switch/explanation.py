"""Explains a recorded call: what happened, why it went where it went, by which lines of the config, and what it earned.

Everything is read from the record: the rulings' trail holds the rules and every figure that was read. Nothing is decided anew. Its words:
`switch.explain`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from switch.billing.entry_state import StateRow
from switch.billing.verdict import CallEvent, JudgedCall, MoneyRow
from switch.call import event as ev
from switch.call.leg_media import LegMedia, media_as_json
from switch.ledger.heard import HeardRow, heard_as_json
from switch.ledger.reading import KeptRecording, as_plain
from switch.settings.files import merged
from switch.settings.problem import Position
from switch.settings.source import Positions, position_of

RULED = ev.Ruled.__name__
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
class TimelineEntry:
    """Something that happened. `after_ms`: since the INVITE. `then`: what the call had done about it. `reasons`: of a ruling."""

    at_us: int
    after_ms: int
    event: str
    facts: Mapping[str, object]
    then: Sequence[str]
    reasons: Sequence[Reason] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`moments`: heartbeats apart, all that happened. `states`: what became of the rows: held, disputed, void. `config_kept`: whether the
    lines of its config could be looked up. `media`: of its legs' audio, what is known."""

    judged: JudgedCall
    moments: Sequence[TimelineEntry]
    rows: Sequence[MoneyRow]
    states: Sequence[StateRow]
    config_kept: bool
    recordings: Sequence[KeptRecording] = ()
    heard: Sequence[HeardRow] = ()
    media: Sequence[LegMedia] = ()

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
            "recordings": [as_plain(each) for each in self.recordings],
            "ears": [heard_as_json(each) for each in self.heard],
            "media": [media_as_json(each) for each in self.media],
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
    return Sources(positions=Positions(merged(files, root=Path()).places), files=files)


def explain(
    judged: JudgedCall,
    *,
    rows: Sequence[MoneyRow],
    config: Sources,
    states: Sequence[StateRow] | None = None,
    recordings: Sequence[KeptRecording] = (),
    heard: Sequence[HeardRow] = (),
    media: Sequence[LegMedia] = (),
) -> Explanation:
    """`rows`: all money of the call, corrections and what was posted later included. `states`: theirs; None: those it was judged with.
    `media`: of its legs."""
    rulings = _rulings(judged, config)
    moments = [_moment(judged, happened, rulings) for happened in judged.events]
    if not judged.events:  # from before events were kept: the reasons are there all the same
        moments = [
            TimelineEntry(at_us=judged.record.invited_us, after_ms=0, event=RULED, facts={}, then=(), reasons=reasons)
            for reasons in rulings
        ]
    return Explanation(
        judged=judged,
        moments=moments,
        rows=rows,
        states=judged.verdict.states if states is None else states,
        config_kept=bool(config.files),
        recordings=recordings,
        heard=heard,
        media=media,
    )


def _moment(judged: JudgedCall, happened: CallEvent, rulings: list[list[Reason]]) -> TimelineEntry:
    facts = dict(happened.facts)
    then = facts.pop("then", ())
    return TimelineEntry(
        at_us=happened.at_us,
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
