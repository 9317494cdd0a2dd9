"""Knows call tests: what ops write beside the config, read, checked against that config and made plain. Does not know how they are run.

Each file stands alone: its `defaults` are for its own tests. Like a config, all that is wrong is told at once, with where it is written.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from routing.cap import Cap, Counts
from routing.expression import Kind, Scalar
from routing.zone import time_zone
from switch.call.record import FinalState
from switch.calltest.calltest import Aspect, Behaviour, CallTest, Expectation, PlannedCall, Wanted
from switch.calltest.model import (
    ANONYMOUS,
    OTHERS,
    Acts,
    Before,
    Call,
    CallTestEntry,
    CallTestFile,
    Defaults,
    Expect,
    Known,
    Named,
    known_of,
)
from switch.engine.plan import Plan
from switch.settings.directory import _text
from switch.settings.field import MAX_COUNT
from switch.settings.harmony.found import Found
from switch.settings.load import Loaded
from switch.settings.names import mapping
from switch.settings.problem import Position, Problem, order, quote
from switch.settings.shape import SCHEMA_DIALECT, Shape, found_in, problem_at, shape_of
from switch.settings.source import KeyPath, SourceFile, Span, Tree, Value, shown, trouble
from switch.settings.tags import scalar
from switch.settings.text import parsed
from switch.settings.value import Unfit, amount_micros, whole

DEFAULT_CALLER = "+12125550123"
DEFAULT_SEED = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
US = timedelta(microseconds=1)
NUMBERS_OF_AN_EXCHANGE = 10_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTests:
    """`tests` in the order of their files. With a problem there may be fewer than were written."""

    tests: tuple[CallTest, ...]
    problems: tuple[Problem, ...]


def load_tests(directory: Path, config: Loaded) -> CallTests:
    """Every `*.yaml` of `directory`, as tests of `config`, which must have a deployment. Never raises on bad input."""
    if config.deployment is None:
        raise ValueError("a config with errors can't be tested")
    plan = config.deployment.plan
    known = known_of(plan, config.positions, prompts=config.deployment.switch.prompts)
    paths = sorted(path for path in directory.glob("*.yaml") if not path.name.startswith(".")) if directory.is_dir() else []
    readings = [_Reading(tree=_tree(path), plan=plan, known=known) for path in paths]
    tests = [test for reading in readings for test in reading.tests()]
    problems = [problem for reading in readings for problem in reading.problems]
    problems += _named_twice(tests)
    return CallTests(tests=tuple(tests), problems=tuple(sorted(problems, key=order)))


def schema() -> dict[str, Any]:
    """The JSON Schema of a file of call tests, for editors."""
    return {"$schema": SCHEMA_DIALECT, **_shapes(), "title": "Payphone call tests"}


@cache
def _shapes() -> Shape:
    return shape_of(CallTestFile)


def _tree(path: Path) -> Tree:
    file = SourceFile(path=shown(path))
    text = _text(path, file)
    found = text if isinstance(text, Problem) else parsed(text, SourceFile(path=file.path, lines=tuple(text.splitlines())))
    if isinstance(found, Problem):
        return Tree(root=file.path, data={}, spots={}, problems=(found,), unread=(), files={})
    return Tree(root=file.path, data=found.data, spots=found.spots, problems=tuple(found.problems), unread=(), files={})


def _named_twice(tests: Sequence[CallTest]) -> Iterator[Problem]:
    counted = Counter(test.name for test in tests)
    for test in tests:
        if counted[test.name] > 1:
            span = Span(line=test.position.line, column=test.position.column, length=1)
            message = f"{counted[test.name]} tests have the name {quote(test.name)}"
            yield trouble(SourceFile(path=test.position.file), span, message, hint="say what is different about each")


class _Reading:
    """One file while it is made plain. What is wrong is kept in `problems`."""

    __slots__ = ("_known", "_plan", "_tree", "problems")

    def __init__(self, *, tree: Tree, plan: Plan, known: Known) -> None:
        self._tree = tree
        self._plan = plan
        self._known = known
        self.problems = list(tree.problems)

    def tests(self) -> list[CallTest]:
        """The tests that can be run; others are told of."""
        if not self._tree.data and self.problems:
            return []
        try:
            written = CallTestFile.model_validate(self._tree.data, context=self._known)
        except ValidationError as error:
            details = error.errors(include_url=False)
            self.problems += [problem_at(found_in(detail, self._tree, _shapes()), self._tree) for detail in details]
            return []
        found = (self._test(index, entry, written.defaults) for index, entry in enumerate(written.tests))
        return [test for test in found if test is not None]

    def _tell(self, path: KeyPath, unfit: Unfit, *, at_key: bool = False) -> None:
        self.problems.append(problem_at(Found(path=path, unfit=unfit, at_key=at_key), self._tree))

    def _test(self, index: int, entry: CallTestEntry, defaults: Defaults) -> CallTest | None:
        path: KeyPath = ("tests", index)
        before = len(self.problems)
        lines = {**defaults.lines, **entry.lines}
        zone = _or(entry.call.zone, defaults.call.zone)
        call = self._call(entry.call, defaults.call, (*path, "call"), zone=zone, expect=entry.expect)
        if call is None:
            return None
        call = _with_lines(call, lines)
        earlier = [self._earlier(each, call, (*path, "earlier", nth), zone=zone) for nth, each in enumerate(entry.earlier)]
        span = self._tree.spots[path].value
        test = CallTest(
            name=entry.name,
            position=Position(file=self._tree.spots[path].file.path, line=span.line, column=span.column),
            call=call,
            expect=tuple(self._expectations(entry.expect, (*path, "expect"))),
            earlier=tuple(sorted(chain.from_iterable(earlier), key=lambda each: each.at_us)),
            full=frozenset(entry.full),
            used=self._used(entry.used, (*path, "used")),
            deposits={**defaults.deposits, **entry.deposits},
        )
        return test if len(self.problems) == before else None

    def _call(self, own: Call, defaults: Call, path: KeyPath, *, zone: str | None, expect: Expect) -> PlannedCall | None:
        """The call, or None and what it lacks."""
        did = _or(own.to, defaults.to)
        at = _or(own.at, defaults.at)
        for key, what in (("to", did), ("at", at)):
            if what is None:
                self._tell(path, Unfit(f"the call has no `{key}`", expected=f"`{key}:` here or in `defaults`"), at_key=True)
        if did is None or at is None:
            return None
        self._check_number(did, (*path, "to") if own.to else ("defaults", "call", "to"), expect)
        at_path = (*path, "at") if own.at else ("defaults", "call", "at")
        at_us = self._instant(at, did, zone, at_path)
        tags = {**self._passed(defaults.tags, ("defaults", "call", "tags")), **self._passed(own.tags, (*path, "tags"))}
        return PlannedCall(
            did=did,
            ani=_or(own.caller, defaults.caller) or DEFAULT_CALLER,
            trunk=_or(own.trunk, defaults.trunk) or next((trunk.name for trunk in self._plan.trunks), ""),
            at_us=0 if at_us is None else at_us,
            seed=DEFAULT_SEED if (seed := _or(own.seed, defaults.seed)) is None else seed,
            digits=_or(own.digits, defaults.digits) or "",
            tags=tags,
            patience_ms=_or(own.gives_up_after, defaults.gives_up_after),
        )

    def _earlier(self, each: Before, call: PlannedCall, path: KeyPath, *, zone: str | None) -> Iterator[PlannedCall]:
        """The calls that `each` stands for; what it leaves out is as in `call`."""
        if (each.ago is None) == (each.at is None):
            self._tell(path, Unfit("when was it?", expected="either `ago`, such as 3d, or `at`"))
            return
        did = each.to or call.did
        if each.to is not None:
            self._tell_unknown(did, (*path, "to"))
        start_us: int | None = call.at_us - (each.ago or 0) * 1_000
        if each.at is not None:
            start_us = self._instant(each.at, did, _or(each.zone, zone), (*path, "at"))
        if start_us is None:
            return
        if start_us + (each.times - 1) * each.every * 1_000 > call.at_us:
            self._tell(path, Unfit("not all of these calls are before the call of the test", hint="make `ago` longer"))
            return
        like = _with_lines(call, each.lines)
        tags = {**call.tags, **self._passed(each.tags, (*path, "tags"))}
        for nth in range(each.times):
            yield replace(
                like,
                did=did,
                ani=_neighbour(call.ani, nth) if each.caller == OTHERS else (each.caller or call.ani),
                trunk=each.trunk or call.trunk,
                at_us=start_us + nth * each.every * 1_000,
                seed=(call.seed if each.seed is None else each.seed) + nth + 1,
                digits=call.digits if each.digits is None else each.digits,
                tags=tags,
                patience_ms=_or(each.gives_up_after, call.patience_ms),
            )

    def _check_number(self, did: str, path: KeyPath, expect: Expect) -> None:
        """A number that the config does not have is a slip, unless that is what the test is about."""
        if expect.state is not FinalState.REJECTED_UNKNOWN_NUMBER:
            self._tell_unknown(did, path)

    def _tell_unknown(self, did: str, path: KeyPath) -> None:
        try:
            self._known.check(Named.NUMBER, did)
        except Unfit as unfit:
            self._tell(path, unfit)

    def _instant(self, at: datetime, did: str, zone: str | None, path: KeyPath) -> int | None:
        """UTC microseconds; without a zone of its own it is local time of `zone`, or of the zone of the number's campaign."""
        if at.tzinfo is not None:
            return (at - EPOCH) // US
        number = self._plan.table.numbers.get(did)
        zone = zone or (self._plan.table.campaigns[number.campaign].zone if number else "UTC")
        there = [at.replace(tzinfo=time_zone(zone), fold=fold) for fold in (0, 1)]
        instants = {(each - EPOCH) // US for each in (one.astimezone(UTC) for one in there)}
        if len(instants) == 1:
            return instants.pop()
        is_skipped = there[0].astimezone(UTC).astimezone(time_zone(zone)).replace(tzinfo=None) != at
        happens = "is skipped by" if is_skipped else "comes twice with"
        self._tell(path, Unfit(f"{at} {happens} the clocks of {zone}", hint="write it with its offset, such as -05:00"))
        return None

    def _passed(self, tags: Mapping[str, str], path: KeyPath) -> dict[str, Scalar]:
        found = {name: self._typed(text, self._known.passed[name], (*path, name)) for name, text in tags.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _typed(self, text: str, kind: Kind, path: KeyPath) -> Scalar | None:
        try:
            return scalar(text, kind)
        except Unfit as unfit:
            self._tell(path, unfit)
            return None

    def _used(self, used: Mapping[str, str], path: KeyPath) -> dict[str, int]:
        found: dict[str, int] = {}
        for key, text in used.items():
            try:
                found[key] = _amount(text, self._known.caps[key])
            except Unfit as unfit:
                self._tell((*path, key), unfit)
        return found

    def _expectations(self, expect: Expect, path: KeyPath) -> Iterator[Expectation]:
        """In the order they are written."""
        for key in _keys(self._tree.data, path):
            if key == Aspect.TAG:
                yield from self._expected_tags(expect.tags, (*path, key))
                continue
            yield self._expectation((*path, key), Aspect(key), _wanted(getattr(expect, key)))

    def _expected_tags(self, tags: Mapping[str, str], path: KeyPath) -> Iterator[Expectation]:
        for name, text in tags.items():
            value = self._typed(text, self._known.tags[name], (*path, name))
            if value is not None:
                yield self._expectation((*path, name), Aspect.TAG, value, tag=name)

    def _expectation(self, path: KeyPath, aspect: Aspect, wanted: Wanted, *, tag: str = "") -> Expectation:
        spot = self._tree.spots[path]
        return Expectation(aspect=aspect, wanted=wanted, file=spot.file, span=spot.key or spot.value, tag=tag)


def _or(own: T | None, other: T | None) -> T | None:
    return other if own is None else own


def _keys(data: Mapping[str, Value], path: KeyPath) -> list[str]:
    here: Any = data
    for step in path:
        here = here[step]
    return list(mapping(here))


def _wanted(written: Any) -> Wanted:
    match written:
        case list():
            return tuple(written)
        case StrEnum():
            return written.value
        case _:
            return cast(Scalar, written)


def _with_lines(call: PlannedCall, lines: Mapping[str, Acts]) -> PlannedCall:
    """`lines` go over what the call's lines do already."""
    found = {name: _behaviour(acts) for name, acts in lines.items()}
    others = found.pop(OTHERS, call.others)
    return replace(call, lines={**call.lines, **found}, others=others)


def _behaviour(acts: Acts) -> Behaviour:
    return Behaviour(
        deed=acts.does,
        after_ms=acts.after,
        talk_ms=acts.talks,
        ended_by=acts.ended_by,
        accepts=acts.accepts,
        accept_ms=acts.accepts_after,
    )


def _amount(text: str, cap: Cap) -> int:
    return amount_micros(text) if cap.counts is Counts.REVENUE else whole(text, low=0, high=MAX_COUNT)


def _neighbour(ani: str, nth: int) -> str:
    """Somebody else of the same exchange, so that the place stays the same."""
    number = int((DEFAULT_CALLER if ani == ANONYMOUS else ani).removeprefix("+"))
    exchange, subscriber = divmod(number, NUMBERS_OF_AN_EXCHANGE)
    return f"+{exchange * NUMBERS_OF_AN_EXCHANGE + (subscriber + nth + 1) % NUMBERS_OF_AN_EXCHANGE}"
