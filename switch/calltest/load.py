"""Reads call tests from the YAML beside the config, checks them against that config, and turns their calls into call scripts.

Each file stands alone: its `defaults` are for its own tests. As with a config, all problems are reported at once, each with its place.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from switch.calltest.run import TESTED, Aspect, CallTest, Expectation, Expected
from switch.calltest.schema import (
    ANONYMOUS,
    OTHERS,
    CallEntry,
    CallTestEntry,
    CallTestFile,
    ConfigNames,
    DefaultsEntry,
    EarlierCallEntry,
    ExpectEntry,
    LineEntry,
    NameKind,
    names_of_plan,
)
from switch.engine.plan import Plan
from switch.settings.field import MAX_COUNT
from switch.settings.files import read_file, text_of
from switch.settings.finding import SCHEMA_DIALECT, Finding, Shape, found_in, problem_at, shape_of
from switch.settings.load import Loaded
from switch.settings.names import mapping
from switch.settings.problem import Position, Problem, order, quote
from switch.settings.source import KeyPath, SourceFile, Span, Tree, Value, display_path, error_at
from switch.settings.text import parse_yaml
from switch.settings.value import Invalid, amount_micros, tag_value, whole
from switch.simulation.call_script import DEFAULT_LINE_SCRIPT, MESSAGE_MS, CallScript, LineScript

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
    names = names_of_plan(plan, config.positions, prompts=config.deployment.prompts)
    paths = sorted(path for path in directory.glob("*.yaml") if not path.name.startswith(".")) if directory.is_dir() else []
    readers = [_FileReader(tree=_tree(path), plan=plan, names=names) for path in paths]
    tests = [test for reader in readers for test in reader.tests()]
    problems = [problem for reader in readers for problem in reader.problems]
    problems += _named_twice(tests)
    return CallTests(tests=tuple(tests), problems=tuple(sorted(problems, key=order)))


def schema() -> dict[str, Any]:
    """The JSON Schema of a file of call tests, for editors."""
    return {"$schema": SCHEMA_DIALECT, **_shapes(), "title": "Payphone call tests"}


@cache
def _shapes() -> Shape:
    return shape_of(CallTestFile)


def _tree(path: Path) -> Tree:
    file = SourceFile(path=display_path(path))
    text = text_of(read_file(path), file)
    found = text if isinstance(text, Problem) else parse_yaml(text, SourceFile(path=file.path, lines=tuple(text.splitlines())))
    if isinstance(found, Problem):
        return Tree(root=file.path, problems=[found])
    return Tree(root=file.path, data=found.data, places=found.places, problems=found.problems)


def _named_twice(tests: Sequence[CallTest]) -> Iterator[Problem]:
    counted = Counter(test.name for test in tests)
    for test in tests:
        if counted[test.name] > 1:
            span = Span(line=test.position.line, column=test.position.column, length=1)
            message = f"{counted[test.name]} tests have the name {quote(test.name)}"
            yield error_at(SourceFile(path=test.position.file), span, message, hint="say what is different about each")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineBehaviours:
    """How each line behaves when it is dialled. `others`: the lines that are not in `lines`."""

    lines: Mapping[str, LineScript] = field(default_factory=dict)
    others: LineScript = DEFAULT_LINE_SCRIPT

    def __call__(self, line: str) -> LineScript:
        return self.lines.get(line, self.others)

    def overridden(self, entries: Mapping[str, LineEntry]) -> "LineBehaviours":
        """Returns these behaviours, those of the lines in `entries` replaced."""
        found = {name: _conduct(entry) for name, entry in entries.items()}
        others = found.pop(OTHERS, self.others)
        return LineBehaviours(lines={**self.lines, **found}, others=others)


class _FileReader:
    """Makes tests of one file, and collects its problems."""

    __slots__ = ("_names", "_plan", "_tree", "problems")

    def __init__(self, *, tree: Tree, plan: Plan, names: ConfigNames) -> None:
        self._tree = tree
        self._plan = plan
        self._names = names
        self.problems = list(tree.problems)

    def tests(self) -> list[CallTest]:
        """The tests that can be run; others become problems."""
        if not self._tree.data and self.problems:
            return []
        try:
            written = CallTestFile.model_validate(self._tree.data, context=self._names)
        except ValidationError as error:
            details = error.errors(include_url=False)
            findings = (finding for detail in details for finding in found_in(detail, self._tree, _shapes()))
            self.problems += [problem_at(finding, self._tree) for finding in findings]
            return []
        found = (self._test(index, entry, written.defaults) for index, entry in enumerate(written.tests))
        return [test for test in found if test is not None]

    def _add_problem(self, path: KeyPath, error: Invalid) -> None:
        self.problems.append(problem_at(Finding(path, error), self._tree))

    def _test(self, index: int, entry: CallTestEntry, defaults: DefaultsEntry) -> CallTest | None:
        path: KeyPath = ("tests", index)
        before = len(self.problems)
        lines = LineBehaviours().overridden({**defaults.lines, **entry.lines})
        zone = _or(entry.call.zone, defaults.call.zone)
        call = self._call(entry, defaults, (*path, "call"), lines=lines)
        if call is None:
            return None
        calls = chain.from_iterable(
            self._earlier(each, call, (*path, "earlier", nth), zone=zone, lines=lines) for nth, each in enumerate(entry.earlier)
        )
        earlier = sorted(calls, key=lambda each: each.at_us)
        span = self._tree.places[path].value
        test = CallTest(
            name=entry.name,
            position=Position(file=self._tree.places[path].file.path, line=span.line, column=span.column),
            call=call,
            expect=tuple(self._expectations(entry.expect, (*path, "expect"))),
            earlier=tuple(replace(each, call_id=f"earlier-{nth}") for nth, each in enumerate(earlier, 1)),
            full=frozenset(entry.full),
            used=self._used(entry.used, (*path, "used")),
            deposits={**defaults.deposits, **entry.deposits},
        )
        return test if len(self.problems) == before else None

    def _call(self, entry: CallTestEntry, defaults: DefaultsEntry, path: KeyPath, *, lines: LineBehaviours) -> CallScript | None:
        """Returns the call that is tested, or None: a problem then says what it lacks."""
        own, whole_call = entry.call, _merged(entry.call, defaults.call)
        did, at = whole_call.to, whole_call.at
        for key, value in (("to", did), ("at", at)):
            if value is None:
                self._add_problem(
                    path, Invalid(f"the call has no `{key}`", expected=f"`{key}:` here or in `defaults`", at_key=True)
                )
        if did is None or at is None:
            return None
        default_path: KeyPath = ("defaults", "call")
        if entry.expect.state is not FinalState.REJECTED_UNKNOWN_NUMBER:  # else an unknown number is what the test is about
            self._check_number(did, (*(path if own.to else default_path), "to"))
        at_us = self._instant(at, did, whole_call.zone, (*(path if own.at else default_path), "at"))
        default_tags = self._header_tags(defaults.call.tags, (*default_path, "tags"))
        return CallScript(
            call_id=TESTED,
            did=did,
            ani=whole_call.caller or DEFAULT_CALLER,
            trunk=whole_call.trunk or next((trunk.name for trunk in self._plan.trunks), ""),
            at_us=0 if at_us is None else at_us,
            seed=DEFAULT_SEED if whole_call.seed is None else whole_call.seed,
            digits=whole_call.digits or "",
            tags={**default_tags, **self._header_tags(own.tags, (*path, "tags"))},
            patience_ms=whole_call.gives_up_after,
            message_ms=MESSAGE_MS if whole_call.voicemail is None else whole_call.voicemail,
            conduct=lines,
        )

    def _earlier(
        self, each: EarlierCallEntry, call: CallScript, path: KeyPath, *, zone: str | None, lines: LineBehaviours
    ) -> Iterator[CallScript]:
        """Yields the calls that `each` stands for; what it leaves out is as in `call`."""
        if (each.ago is None) == (each.at is None):
            self._add_problem(path, Invalid("when was it?", expected="either `ago`, such as 3d, or `at`"))
            return
        did = each.to or call.did
        if each.to is not None:
            self._check_number(did, (*path, "to"))
        start_us: int | None = call.at_us - (each.ago or 0) * 1_000
        if each.at is not None:
            start_us = self._instant(each.at, did, _or(each.zone, zone), (*path, "at"))
        if start_us is None:
            return
        if start_us + (each.times - 1) * each.every * 1_000 > call.at_us:
            self._add_problem(path, Invalid("not all of these calls are before the call of the test", hint="make `ago` longer"))
            return
        tags = {**call.tags, **self._header_tags(each.tags, (*path, "tags"))}
        for nth in range(each.times):
            yield replace(
                call,
                did=did,
                ani=_neighbour(call.ani, nth) if each.caller == OTHERS else (each.caller or call.ani),
                trunk=each.trunk or call.trunk,
                at_us=start_us + nth * each.every * 1_000,
                seed=(call.seed if each.seed is None else each.seed) + nth + 1,
                digits=call.digits if each.digits is None else each.digits,
                tags=tags,
                patience_ms=_or(each.gives_up_after, call.patience_ms),
                message_ms=call.message_ms if each.voicemail is None else each.voicemail,
                conduct=lines.overridden(each.lines),
            )

    def _check_number(self, did: str, path: KeyPath) -> None:
        try:
            self._names.check(NameKind.NUMBER, did)
        except Invalid as error:
            self._add_problem(path, error)

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
        self._add_problem(path, Invalid(f"{at} {happens} the clocks of {zone}", hint="write it with its offset, such as -05:00"))
        return None

    def _header_tags(self, tags: Mapping[str, str], path: KeyPath) -> dict[str, Scalar]:
        found = {name: self._typed(text, self._names.header_tags[name], (*path, name)) for name, text in tags.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _typed(self, text: str, kind: Kind, path: KeyPath) -> Scalar | None:
        try:
            return tag_value(text, kind)
        except Invalid as error:
            self._add_problem(path, error)
            return None

    def _used(self, used: Mapping[str, str], path: KeyPath) -> dict[str, int]:
        found: dict[str, int] = {}
        for key, text in used.items():
            try:
                found[key] = _amount(text, self._names.caps[key])
            except Invalid as error:
                self._add_problem((*path, key), error)
        return found

    def _expectations(self, expect: ExpectEntry, path: KeyPath) -> Iterator[Expectation]:
        """In the order they are written."""
        for key in _keys(self._tree.data, path):
            if key == Aspect.TAG:
                yield from self._expected_tags(expect.tags, (*path, key))
                continue
            yield self._expectation((*path, key), Aspect(key), _expected_value(getattr(expect, key)))

    def _expected_tags(self, tags: Mapping[str, str], path: KeyPath) -> Iterator[Expectation]:
        for name, text in tags.items():
            value = self._typed(text, self._names.tags[name], (*path, name))
            if value is not None:
                yield self._expectation((*path, name), Aspect.TAG, value, tag=name)

    def _expectation(self, path: KeyPath, aspect: Aspect, expected: Expected, *, tag: str = "") -> Expectation:
        place = self._tree.places[path]
        return Expectation(aspect=aspect, expected=expected, file=place.file, span=place.key or place.value, tag=tag)


def _or(own: T | None, other: T | None) -> T | None:
    return other if own is None else own


def _merged(own: CallEntry, defaults: CallEntry) -> CallEntry:
    """`own`, with `defaults` for the keys that it leaves out."""
    return defaults.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})


def _keys(data: Mapping[str, Value], path: KeyPath) -> list[str]:
    here: Any = data
    for step in path:
        here = here[step]
    return list(mapping(here))


def _expected_value(written: Any) -> Expected:
    match written:
        case list():
            return tuple(written)
        case StrEnum():
            return written.value
        case _:
            return cast(Scalar, written)


def _conduct(entry: LineEntry) -> LineScript:
    return LineScript(
        behaviour=entry.does,
        after_ms=entry.after,
        talk_ms=entry.talks,
        ended_by=entry.ended_by,
        accepts=entry.accepts,
        accept_ms=entry.accepts_after,
    )


def _amount(text: str, cap: Cap) -> int:
    return amount_micros(text) if cap.counts is Counts.REVENUE else whole(text, low=0, high=MAX_COUNT)


def _neighbour(ani: str, nth: int) -> str:
    """Returns another number of the same exchange, so that the caller's location stays the same."""
    number = int((DEFAULT_CALLER if ani == ANONYMOUS else ani).removeprefix("+"))
    exchange, subscriber = divmod(number, NUMBERS_OF_AN_EXCHANGE)
    return f"+{exchange * NUMBERS_OF_AN_EXCHANGE + (subscriber + nth + 1) % NUMBERS_OF_AN_EXCHANGE}"
