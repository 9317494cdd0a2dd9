"""Changes entries of one section of a config file, and adds some, where they stand: everything else of the file, comments too, stays.

What a change does to braces with a comment between them can't be told: such an entry is left to people.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from switch.formatter.format import format_text
from switch.formatter.rewrite import Edit, apply_edits
from switch.formatter.schema_place import ValueKind, canonical_text
from switch.formatter.yaml_text import (
    Comment,
    MappingEntry,
    MappingNode,
    Node,
    ScalarNode,
    SourceText,
    comments_in,
    last_line_of,
    parse_tree,
    source_text,
)
from switch.settings.problem import Problem
from switch.settings.source import SourceFile, error_at
from switch.settings.text import parse_yaml

Change = str | None | Mapping[str, "str | None"]
"""Of a key: its new value; None: it is left out; a mapping: what becomes of the keys below it."""
EntryChanges = Mapping[str, Change]
_PLAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_ ./+-]*[A-Za-z0-9_./+-])?")


def with_entries(text: str, section: str, changes: Mapping[str, EntryChanges], *, name: str) -> str | Problem:
    """Returns the text with its entries of `section` changed; those that it does not have are added behind its last one.

    A file in canonical form stays in it. `name`: how people are told of the file.
    """
    file = SourceFile(path=name, lines=tuple(text.splitlines()))
    found = parse_yaml(text, file)
    if isinstance(found, Problem):
        return found
    source = source_text(text if text.endswith("\n") else f"{text}\n")
    tree = parse_tree(found, source)
    place = next((entry for entry in tree.entries if entry.name == section), None)
    editor = _Editor(text=source, comments=comments_in(source, tree))
    try:
        after = editor.edited(place, section, changes)
    except _Uncertain as error:
        return error_at(file, None, str(error), hint="change it by hand, or move the comment out of the braces")
    return format_text(after, name=name) if format_text(text, name=name) == text else after


def scalar_text(value: str) -> str:
    """Returns a text as YAML that every reader takes for that text."""
    if canonical := canonical_text(value, ValueKind.TEXT, style=""):
        return canonical
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)


def flow_text(values: EntryChanges) -> str:
    """Returns a mapping in braces, of what is not left out."""
    parts = (f"{scalar_text(key)}: {_value_text(value)}" for key, value in values.items() if not _is_nothing(value))
    return "{" + ", ".join(parts) + "}"


def _value_text(value: Change) -> str:
    if value is None:
        raise AssertionError("a key that is left out has no value")
    return _typed_text(value) if isinstance(value, str) else flow_text(value)


def _typed_text(value: str) -> str:
    """Truths and counts stand without quotes, as their keys have them."""
    return value if value in ("true", "false") or value.isdigit() else scalar_text(value)


def _is_nothing(value: Change) -> bool:
    return value is None or (not isinstance(value, str) and all(inner is None for inner in value.values()))


class _Uncertain(Exception):
    """What a change would do to the comments can't be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Editor:
    text: SourceText
    comments: dict[int, Comment]

    def edited(self, place: MappingEntry | None, section: str, changes: Mapping[str, EntryChanges]) -> str:
        there = {entry.name: entry for entry in place.value.entries} if place and isinstance(place.value, MappingNode) else {}
        edits = [edit for name, change in changes.items() if name in there for edit in self._changed(there[name], change)]
        lines = [f"{json.dumps(name)}: {flow_text(change)}" for name, change in changes.items() if name not in there]
        whole = apply_edits([*edits, *self._added(place, lines)], self.text, self.comments)
        if lines and place is None:
            head = f"{whole}\n" if whole.strip() else ""
            whole = f"{head}{section}:\n" + "".join(f"  {line}\n" for line in lines)
        return whole

    def _added(self, place: MappingEntry | None, lines: list[str]) -> Iterator[Edit]:
        if place is None or not lines:
            return
        node = place.value
        if isinstance(node, MappingNode) and node.entries and not node.flow:
            column = self.text.column_of(node.entries[0].key.start)
            yield self._behind(node, "".join(f"\n{' ' * column}{line}" for line in lines))
        elif isinstance(node, MappingNode) and node.entries:
            yield Edit(node.entries[-1].value.end, node.entries[-1].value.end, "".join(f", {line}" for line in lines))
        else:  # nothing, null, or {}
            end = self.text.starts[self.text.line_of(place.key.start)] + len(self.text.lines[self.text.line_of(place.key.start)])
            if not isinstance(node, MappingNode) and node.start == node.end:
                yield Edit(end, end, "".join(f"\n  {line}" for line in lines))
            else:
                yield Edit(node.start, node.end, "{" + ", ".join(lines) + "}")

    def _behind(self, node: Node, new: str) -> Edit:
        """At the end of its last line, behind a comment that stands there."""
        last = last_line_of(self.text, node)
        end = self.text.starts[last] + len(self.text.lines[last])
        return Edit(end, end, new)

    def _changed(self, entry: MappingEntry, changes: EntryChanges) -> Iterator[Edit]:
        node = entry.value
        if not isinstance(node, MappingNode) or not node.entries:
            raise _Uncertain(f"{entry.name} has no mapping")
        there = {each.name: each.value for each in node.entries}
        only_values = all(isinstance(new, str) and isinstance(there.get(key), ScalarNode) for key, new in changes.items())
        if only_values:
            for key, new in changes.items():
                yield Edit(there[key].start, there[key].end, _typed_text(str(new)))
        elif node.flow:
            yield Edit(node.start, node.end, self._flow(node, changes))
        else:
            yield from self._block(node, changes)

    def _flow(self, node: MappingNode, changes: EntryChanges) -> str:
        """A mapping in braces, written anew: values that do not change as they are written."""
        first, last = self.text.line_of(node.start), self.text.last_line(node)
        if any(line in self.comments for line in range(first, last)):
            raise _Uncertain("there is a comment between braces that are to be changed")
        parts = []
        for entry in node.entries:
            change = changes.get(entry.name, "")
            if entry.name not in changes:
                parts.append(self.text.whole[entry.key.start : entry.value.end])
            elif not self._is_emptied(entry.value, change):
                parts.append(f"{self.text.whole[entry.key.start : entry.key.end]}: {self._new_value(entry.value, change)}")
        there = {entry.name for entry in node.entries}
        new = {key: value for key, value in changes.items() if key not in there and not _is_nothing(value)}
        parts += [f"{scalar_text(key)}: {_value_text(value)}" for key, value in new.items()]
        return "{" + ", ".join(parts) + "}"

    def _new_value(self, node: Node, change: Change) -> str:
        if isinstance(change, Mapping) and isinstance(node, MappingNode) and node.entries:
            return self._flow(node, change) if node.flow else flow_text(self._merged(node, change))
        return _value_text(change)

    def _merged(self, node: MappingNode, change: Mapping[str, str | None]) -> dict[str, str | None]:
        now = {entry.name: entry.value.text for entry in node.entries if isinstance(entry.value, ScalarNode)}
        return {**now, **change}

    def _is_emptied(self, node: Node, change: Change) -> bool:
        """Whether nothing is left of the value."""
        if not isinstance(change, Mapping):
            return change is None
        return all(value is None for value in (self._merged(node, change) if isinstance(node, MappingNode) else change).values())

    def _block(self, node: MappingNode, changes: EntryChanges) -> Iterator[Edit]:
        """A mapping with a key on each line: keys that are left out go with their lines, new ones come behind the last that stays."""
        kept = []
        for entry in node.entries:
            change = changes.get(entry.name, "")
            if entry.name not in changes:
                kept.append(entry)
            elif self._is_emptied(entry.value, change):
                start = self.text.starts[self.text.line_of(entry.key.start)]
                yield Edit(start, self.text.starts[last_line_of(self.text, entry.value) + 1], "")
            else:
                kept.append(entry)
                if isinstance(change, Mapping) and isinstance(entry.value, MappingNode) and entry.value.entries:
                    yield from self._changed(entry, change)
                else:
                    yield Edit(entry.value.start, entry.value.end, _value_text(change))
        there = {entry.name for entry in node.entries}
        new = {key: value for key, value in changes.items() if key not in there and not _is_nothing(value)}
        if new:
            if not kept:
                raise _Uncertain("nothing is left of an entry that is to be changed")
            margin = " " * self.text.column_of(node.entries[0].key.start)
            yield self._behind(
                kept[-1].value, "".join(f"\n{margin}{scalar_text(key)}: {_value_text(value)}" for key, value in new.items())
            )
