"""Reads one YAML text into plain data, in one pass over the parser's events. No other file reads YAML.

Every scalar stays text, so that `on`, `no`, `12:30` and `+18005550100` mean what they look like (YAML 1.1 reads them as a
boolean, a boolean, 750 and an integer). Aliases, tags and merge keys are refused: nothing here needs them, and they are how small
files get huge. Nothing is composed in C, which recurses there: deep nesting would end the process.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from switch.settings.problem import Problem, quote
from switch.settings.slips import slip_of
from switch.settings.source import (
    KeyPath,
    NoValue,
    ParsedFile,
    SourceFile,
    SourceSpan,
    Span,
    Value,
    duplicate_key,
    error_at,
    span_of,
)

MAX_DEPTH = 24
MAX_EVENTS = 400_000  # a tracking number is six: this is 60,000 of them

# libyaml is ten times faster; a build of PyYAML without it still works.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class _Refused(Exception):
    """It is YAML, but more of it than a config needs."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse_yaml(text: str, file: SourceFile) -> ParsedFile | Problem:
    """The sections of a file, or why nothing of it can be used."""
    reading = _Reading(file=file, events=_events(text, file), found=ParsedFile(data={}, places={}, problems=[]))
    try:
        return reading.sections()
    except _Refused as refused:
        return refused.problem
    except yaml.MarkedYAMLError as error:
        if slip := slip_of(error, file.lines):
            return error_at(file, slip.span, f"not YAML: {slip.message}", hint=slip.hint)
        mark = error.problem_mark or error.context_mark
        span = Span(line=mark.line + 1, column=mark.column + 1, length=1) if mark else None
        return error_at(file, _inside(span, file), f"not YAML: {error.problem}", hint=_context(error))
    except yaml.reader.ReaderError as error:
        # libyaml counts octets, the Python reader characters.
        before = text.encode()[: error.position].decode(errors="ignore") if error.encoding == "utf-8" else text[: error.position]
        span = Span(line=before.count("\n") + 1, column=len(before) - (before.rfind("\n") + 1) + 1, length=1)
        return error_at(file, _inside(span, file), f"not YAML: {error.reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """A file while it is read."""

    file: SourceFile
    events: Iterator[yaml.Event]
    found: ParsedFile

    def sections(self) -> ParsedFile:
        for event in self.events:
            if isinstance(event, yaml.MappingStartEvent):
                self._pairs(self.found.data, path=())
            elif isinstance(event, yaml.NodeEvent):
                last = self._skip(event)
                self._tell(event, "a file must hold sections", expected="`section:` at the margin", last=last)
        return self.found

    def _pairs(self, into: dict[str, Value], *, path: KeyPath) -> yaml.Event:
        """Reads a mapping and returns its end event. A key that is there already is a problem and left out."""
        places, file = self.found.places, self.file
        for key in self.events:
            if isinstance(key, yaml.MappingEndEvent):
                return key
            last = self._skip(key)
            first = next(self.events)
            if not isinstance(key, yaml.ScalarEvent):
                self._tell(key, "a key must be one word", last=last)
                self._skip(first)
            elif key.value == "<<" and not key.style:
                self._tell(key, "merge keys are not supported", hint="write the keys out")
                self._skip(first)
            elif key.value in into:
                self.found.problems.append(duplicate_key(key.value, places[*path, key.value], SourceSpan(file, key, key, key)))
                self._skip(first)
            else:
                here = (*path, key.value)
                into[key.value], last = self._value(first, here)
                places[here] = SourceSpan(file, key, first, last)
        raise AssertionError("a mapping without an end")

    def _value(self, first: yaml.Event, path: KeyPath) -> tuple[Value, yaml.Event]:
        """Returns the value that begins with `first`, and its last event."""
        if isinstance(first, yaml.ScalarEvent):
            return (NoValue.NULL if not first.style and first.value in _NULLS else first.value), first
        if isinstance(first, yaml.MappingStartEvent):
            mapping: dict[str, Value] = {}
            return mapping, self._pairs(mapping, path=path)
        items: list[Value] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                return items, event
            here = (*path, len(items))
            item, last = self._value(event, here)
            self.found.places[here] = SourceSpan(self.file, None, event, last)
            items.append(item)
        raise AssertionError("a sequence without an end")

    def _skip(self, first: yaml.Event) -> yaml.Event:
        """Skips the value that begins with `first`. Returns its last event."""
        depth = 1 if isinstance(first, yaml.CollectionStartEvent) else 0
        last = first
        while depth:
            last = next(self.events)
            depth += isinstance(last, yaml.CollectionStartEvent) - isinstance(last, yaml.CollectionEndEvent)
        return last

    def _tell(
        self,
        first: yaml.Event,
        message: str,
        *,
        expected: str | None = None,
        hint: str | None = None,
        last: yaml.Event | None = None,
    ) -> None:
        span = span_of(first, last or first, self.file)
        self.found.problems.append(error_at(self.file, span, message, expected=expected, hint=hint))


def _events(text: str, file: SourceFile) -> Iterator[yaml.Event]:
    """Yields the parser's events. Raises _Refused for YAML that a config does not need."""
    depth = documents = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader), 1):
        if number > MAX_EVENTS:
            raise _refused(event, file, f"more than {MAX_EVENTS} parts in one file", hint="spread it over several files")
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            _look(event, file)
        elif isinstance(event, yaml.CollectionStartEvent):
            _look(event, file)
            depth += 1
            if depth > MAX_DEPTH:
                raise _refused(event, file, "nested too deeply", expected=f"at most {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refused(event, file, "a second document in one file", hint="put it into a file of its own")
        yield event


def _look(event: yaml.NodeEvent, file: SourceFile) -> None:
    if event.anchor or isinstance(event, yaml.AliasEvent):
        raise _refused(event, file, "anchors and aliases are not supported", hint="write the value out where it is used")
    if tag := getattr(event, "tag", None):
        raise _refused(event, file, f"tags are not supported: {quote(tag)}", hint="leave the tag out")


def _refused(
    event: yaml.Event, file: SourceFile, message: str, *, expected: str | None = None, hint: str | None = None
) -> _Refused:
    mark = event.start_mark
    span = Span(line=mark.line + 1, column=mark.column + 1, length=1) if mark else None
    return _Refused(error_at(file, span, message, expected=expected, hint=hint))


def _context(error: yaml.MarkedYAMLError) -> str | None:
    if not error.context:
        return None
    return f"{error.context}, begun on line {error.context_mark.line + 1}" if error.context_mark else error.context


def _inside(span: Span | None, file: SourceFile) -> Span | None:
    """An error at the end of a file is marked behind its last line: move it to the last line's end."""
    if span is None or span.line <= len(file.lines):
        return span
    return Span(line=len(file.lines), column=len(file.lines[-1]) + 1, length=1)
