"""Counts what trunks and lines did since the start, and answers what is asked of their state. Nothing is decided by it."""

from collections import Counter
from collections.abc import Collection

import msgspec

from routing.override import OverridesInForce
from routing.table import Line
from switch.billing.verdict import JudgedCall
from switch.call.moment import Moment
from switch.call.record import FinalState
from switch.call.state import CALLER
from switch.engine.live import LiveCalls
from switch.engine.peer_state import HealthState, RegistrationState, health_state, registration_state
from switch.engine.plan import Plan, Trunk
from switch.engine.trunk_lookup import TrunkLookup
from switch.engine.usage import Usage
from switch.sip.agent import UserAgent
from switch.sip.statistics import OTHER, Statistic


class TrunkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One trunk. `calls`: live, of at most `limit`. `total_calls`: since the start, live ones included. `refused`: of these, those that
    were rejected at once. `malformed`: messages of its addresses that could not be used, or were read past an error. `last_seen_us`: UTC,
    of its last message. `health`, `registration`: None: it is not asked by OPTIONS, we do not register with it."""

    name: str
    calls: int
    limit: int | None
    total_calls: int
    refused: int
    malformed: int
    last_seen_us: int | None
    health: HealthState | None = None
    registration: RegistrationState | None = None


class LineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `calls`: live, ringing ones included, of at most `limit`. `total_calls`: since the start. `resting_until_us`: UTC, until
    when it is not tried after failures. `last_result`, `last_result_us`, `last_sip_code`: the outcome of its last attempt whose call is
    over, when it was dialled, and the line's final answer, if any. `last_why`: why it failed, in words, where that is known.
    `health`: None: it is not asked by OPTIONS. `paused`: it, or its advertiser, is, by the config or an override."""

    name: str
    advertiser: str
    calls: int
    limit: int | None
    total_calls: int
    resting_until_us: int | None
    last_result: str | None
    last_result_us: int | None
    last_sip_code: int | None = None
    last_why: str | None = None
    health: HealthState | None = None
    paused: bool = False


class TrafficCounts:
    """What happened on each trunk and line of the config."""

    __slots__ = ("_line_calls", "_refused", "_results", "_seen_us", "_trunk_calls")

    def __init__(self) -> None:
        self._trunk_calls: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._line_calls: Counter[str] = Counter()
        self._results: dict[str, tuple[str, int, int | None, str | None]] = {}
        self._seen_us: dict[str, int] = {}

    def saw_trunk(self, trunk: str, utc_us: int) -> None:
        self._seen_us[trunk] = utc_us

    def add_call(self, judged: JudgedCall) -> None:
        """A call is over."""
        record, failures = judged.record, judged.failures()
        self._trunk_calls[record.trunk] += 1
        if record.final_state in _REJECTED:
            self._refused[record.trunk] += 1
        for attempt in record.attempts:
            self._line_calls[attempt.line] += 1
            why = failures.get(attempt.number)
            self._results[attempt.line] = (attempt.outcome.value, attempt.invited_us, attempt.sip_code, why)

    def keep(self, *, trunks: Collection[str], lines: Collection[str]) -> None:
        """Forgets what the config no longer has."""
        for counts, names in (
            (self._trunk_calls, trunks),
            (self._refused, trunks),
            (self._seen_us, trunks),
            (self._line_calls, lines),
            (self._results, lines),
        ):
            for gone in counts.keys() - names:
                del counts[gone]

    def trunk(
        self, trunk: Trunk, *, live: int, malformed: int, health: HealthState | None, registration: RegistrationState | None
    ) -> TrunkStatus:
        name = trunk.name
        return TrunkStatus(
            name=name,
            calls=live,
            limit=trunk.max_calls,
            total_calls=self._trunk_calls[name] + live,
            refused=self._refused[name],
            malformed=malformed,
            last_seen_us=self._seen_us.get(name),
            health=health,
            registration=registration,
        )

    def line(
        self, line: Line, *, live: int, resting_until_us: int | None, health: HealthState | None, in_force: OverridesInForce
    ) -> LineStatus:
        name = line.name
        result, result_us, sip_code, why = self._results.get(name, (None, None, None, None))
        return LineStatus(
            name=name,
            advertiser=line.advertiser,
            calls=live,
            limit=next((in_force.limited(cap).limit for cap in line.caps if cap.key == f"line:{name}"), None),
            total_calls=self._line_calls[name] + live,
            resting_until_us=resting_until_us,
            last_result=result,
            last_result_us=result_us,
            last_sip_code=sip_code,
            last_why=why,
            health=health,
            paused=line.paused or line.advertiser_paused or in_force.pause_of(line) is not None,
        )


_REJECTED = frozenset(state for state in FinalState if state.value.startswith("rejected_"))


def trunk_status(
    plan: Plan, *, agent: UserAgent, trunks: TrunkLookup, calls: LiveCalls, traffic: TrafficCounts, at: Moment
) -> tuple[TrunkStatus, ...]:
    """Returns the present state of each trunk of the plan."""
    malformed: Counter[str] = Counter()
    for host, count in agent.statistics.snapshot().get(Statistic.ODDITY, {}).items():
        trunk = None if host == OTHER else trunks.trunk_of(host)
        if trunk is not None:
            malformed[trunk.name] += count
    health, registered = health_states(agent, at), registration_states(agent, at)
    return tuple(
        traffic.trunk(
            trunk,
            live=calls.on_trunk(trunk.name),
            malformed=malformed[trunk.name],
            health=health.get(f"trunk:{trunk.name}"),
            registration=registered.get(trunk.name),
        )
        for trunk in plan.trunks
    )


def line_status(
    plan: Plan, *, agent: UserAgent, calls: LiveCalls, traffic: TrafficCounts, usage: Usage, at: Moment
) -> tuple[LineStatus, ...]:
    """Returns the present state of each line of the plan."""
    live = Counter(
        each.call.history.attempts[number - 1].line
        for each in calls
        for number in each.legs
        if number != CALLER and calls.has_leg(each, number)
    )
    health, in_force = health_states(agent, at), usage.in_force(at.utc_us)
    found = []
    for name, line in sorted(plan.table.lines.items()):
        until_us = usage.resting_until_us(name)
        resting_us = until_us if until_us > at.utc_us else None
        state = health.get(f"line:{name}")
        found.append(traffic.line(line, live=live[name], resting_until_us=resting_us, health=state, in_force=in_force))
    return tuple(found)


def health_states(agent: UserAgent, at: Moment) -> dict[str, HealthState]:
    """Returns the state of all that is asked by OPTIONS, by `line:NAME` or `trunk:NAME`."""
    return {name: health_state(probe, at) for name, probe in sorted(agent.monitor.probes.items())}


def registration_states(agent: UserAgent, at: Moment) -> dict[str, RegistrationState]:
    """Returns the state of all registrations, by trunk."""
    return {trunk: registration_state(each, at) for trunk, each in sorted(agent.monitor.registrations.items())}
