"""Makes and lifts overrides of a running switch, and notes every action of those who steer it.

Each change is one journal line, then its effect, and rows for the ledger. What can't be done is refused with a reason in words. Which
calls an override bars is up to routing.
"""

from collections.abc import Callable, Collection, Mapping

import msgspec
from msgspec.structs import replace

from routing.cap import Cap, Per
from routing.expression import Scalar
from routing.geo import to_e164
from routing.override import Override, OverrideKind, TargetKind
from switch.call.moment import Moment
from switch.engine.call_control import CallControl
from switch.engine.effect import AppendJournal, Effect, KeepSteering, LogOverride
from switch.engine.overrides import MAX_OVERRIDES
from switch.engine.plan import Plan
from switch.engine.steering_rows import DONE, ActionRow, Change, SteeringRows, encode_steering, override_row
from switch.nearest import alike, nearest_word

MAX_LIMIT = 10**15
"""Of a cap: a billion in micros of revenue, more calls than there are."""
US_PER_DAY = 86_400_000_000
MAX_AHEAD_US = 400 * US_PER_DAY
"""How far in the future an override may end, unless it has no end."""
_UNLIMITED = {
    Per.SPACING: "it is the time between two attempts, which no limit changes",
    Per.BALANCE: "it is a prepaid balance: a deposit raises it (`payphone money deposit`)",
}


class Refused(msgspec.Struct, frozen=True):
    """`why`: in words, for whoever asked."""

    why: str


class Steering:
    """`plan()`: the running one. `token()`: a new unique text."""

    __slots__ = ("_cap_keys", "_control", "_emit", "_is_loaded", "_plan", "_token")

    def __init__(
        self, *, control: CallControl, plan: Callable[[], Plan], token: Callable[[], str], emit: Callable[[Effect], None]
    ) -> None:
        self._control = control
        self._plan = plan
        self._token = token
        self._emit = emit
        self._is_loaded = False
        self._cap_keys: tuple[Plan, Mapping[str, Cap]] | None = None

    def loaded(self) -> None:
        """The overrides of earlier processes are known: from now on there may be new ones."""
        self._is_loaded = True

    def overrides(self, at: Moment) -> tuple[Override, ...]:
        """Returns the overrides in force, each with whether the config has its target."""
        return tuple(replace(each, in_config=self._has(each)) for each in self._control.usage.overrides.kept(at.utc_us))

    def tell_of_orphans(self, at: Moment) -> None:
        """Overrides of what the config does not have are kept, and said in the log."""
        for override in self.overrides(at):
            if not override.in_config:
                self._emit(LogOverride(override=override))

    def pause(
        self, kind: TargetKind, name: str, at: Moment, *, until_us: int | None, actor: str, reason: str
    ) -> Override | Refused:
        """No more calls go to the target."""
        target = to_e164(name) if kind is TargetKind.NUMBER else name
        why = self._objection(at, until_us=until_us) or self._unknown(kind, target)
        return self._override(at, "pause", kind, target, why=why, limit=None, until_us=until_us, actor=actor, reason=reason)

    def limit_cap(self, key: str, limit: int, at: Moment, *, until_us: int | None, actor: str, reason: str) -> Override | Refused:
        """The cap has this limit: calls, or micros."""
        why = self._objection(at, until_us=until_us) or self._unlimited(key, limit)
        return self._override(at, "cap", TargetKind.CAP, key, why=why, limit=limit, until_us=until_us, actor=actor, reason=reason)

    def lift(self, number: int, at: Moment, *, actor: str, reason: str) -> Override | Refused:
        """The override is in force no longer. Returns it."""
        override = next((each for each in self.overrides(at) if each.number == number), None)
        if override is None:
            why = f"no override {number} is in force: it is lifted, over, or was never made"
            self.note("lift", f"override:{number}", at, actor=actor, detail={"reason": reason}, outcome=f"refused: {why}")
            return Refused(why)
        action = self._action("lift", override.key, at, actor=actor, detail={"number": number, "reason": reason})
        row = override_row(override, Change.LIFTED, at_us=at.utc_us, actor=actor, reason=reason)
        self._keep(SteeringRows(key=action.key, actions=(action,), override=row))
        self._control.usage.overrides.lift(number)
        return override

    def note(self, action: str, target: str, at: Moment, *, actor: str, detail: Mapping[str, Scalar], outcome: str = DONE) -> None:
        """An action that is no override: the ledger keeps who did it."""
        row = self._action(action, target, at, actor=actor, detail=detail, outcome=outcome)
        self._keep(SteeringRows(key=row.key, actions=(row,)))

    def note_each(self, action: str, outcomes: Mapping[str, str], at: Moment, *, actor: str, detail: Mapping[str, Scalar]) -> None:
        """The same, of several targets at once, each with its outcome."""
        rows = tuple(
            self._action(action, target, at, actor=actor, detail=detail, outcome=outcome) for target, outcome in outcomes.items()
        )
        if rows:
            self._keep(SteeringRows(key=rows[0].key, actions=rows))

    def _override(
        self,
        at: Moment,
        action: str,
        kind: TargetKind,
        target: str,
        *,
        why: str | None,
        limit: int | None,
        until_us: int | None,
        actor: str,
        reason: str,
    ) -> Override | Refused:
        """Makes an override, unless there is an objection to it."""
        detail: dict[str, Scalar] = {"reason": reason}
        if limit is not None:
            detail["limit"] = limit
        if until_us is not None:
            detail["until_us"] = until_us
        override = Override(
            number=self._control.usage.overrides.next_number,
            kind=OverrideKind.PAUSE if limit is None else OverrideKind.CAP,
            target_kind=kind,
            target=target,
            limit=limit,
            made_us=at.utc_us,
            until_us=until_us,
            actor=actor,
            reason=reason,
        )
        if why is not None:
            self.note(action, override.key, at, actor=actor, detail=detail, outcome=f"refused: {why}")
            return Refused(why)
        row = self._action(action, override.key, at, actor=actor, detail={"number": override.number, **detail})
        made = override_row(override, Change.MADE, at_us=at.utc_us, actor=actor, reason=reason)
        self._keep(SteeringRows(key=row.key, actions=(row,), override=made))
        self._control.usage.overrides.add(override)
        return override

    def _keep(self, rows: SteeringRows) -> None:
        self._emit(AppendJournal(call_id=rows.journal_id, payload=encode_steering(rows)))
        self._emit(KeepSteering(rows=rows))

    def _action(
        self, action: str, target: str, at: Moment, *, actor: str, detail: Mapping[str, Scalar], outcome: str = DONE
    ) -> ActionRow:
        known = {name: value for name, value in detail.items() if value != ""}
        return ActionRow(
            key=self._token(), at_us=at.utc_us, actor=actor, action=action, target=target, detail=known, outcome=outcome
        )

    def _objection(self, at: Moment, *, until_us: int | None) -> str | None:
        """Returns why no override may be made now, whatever of."""
        if not self._is_loaded:
            return "the overrides of before are still being read from the ledger: try again in a moment"
        if until_us is not None and until_us <= at.utc_us:
            return "the moment at which it is to end has passed"
        if until_us is not None and until_us - at.utc_us > MAX_AHEAD_US:
            return f"it may last for {MAX_AHEAD_US // US_PER_DAY} days at most, or without an end"
        if len(self._control.usage.overrides.kept(at.utc_us)) >= MAX_OVERRIDES:
            return f"{MAX_OVERRIDES} overrides are in force: lift some, or write what is to stay into the config"
        return None

    def _unknown(self, kind: TargetKind, name: str) -> str | None:
        """Returns that the config has no such target, with the nearest one."""
        if kind is TargetKind.CAP:
            return "a cap is not paused: give it another limit"
        known = self._names(kind)
        return None if name in known else f"the config has no {kind} {name}{_meant(name, known)}"

    def _unlimited(self, key: str, limit: int) -> str | None:
        """Returns why a cap can't have this limit."""
        if not 0 <= limit <= MAX_LIMIT:
            return f"a limit is between 0 and {MAX_LIMIT}"
        caps = self._caps()
        cap = caps.get(key)
        if cap is None:
            return f"the config has no cap {key}{_meant(key, caps)}"
        return None if cap.per not in _UNLIMITED else f"{key} can't have another limit: {_UNLIMITED[cap.per]}"

    def _has(self, override: Override) -> bool:
        if override.target_kind is TargetKind.CAP:
            return override.target in self._caps()
        return override.target in self._names(override.target_kind)

    def _names(self, kind: TargetKind) -> Collection[str]:
        table = self._plan().table
        match kind:
            case TargetKind.LINE:
                return table.lines
            case TargetKind.ADVERTISER:
                return {line.advertiser for line in table.lines.values()}
            case TargetKind.CAMPAIGN:
                return table.campaigns
            case TargetKind.PUBLISHER:
                return table.publishers
            case TargetKind.NUMBER:
                return table.numbers
            case TargetKind.CAP:
                return self._caps()

    def _caps(self) -> Mapping[str, Cap]:
        """Returns the caps of the running config by key: found once, there are many."""
        plan = self._plan()
        if self._cap_keys is None or self._cap_keys[0] is not plan:
            self._cap_keys = plan, {cap.key: cap for cap in plan.table.caps()}
        return self._cap_keys[1]


def _meant(name: str, known: Collection[str]) -> str:
    best = nearest_word(name, alike(name, known))
    return "" if best is None else f": did you mean {best}?"
