"""What an import changes: the numbers of a config beside the rows of a file. Files are written all or none, and only where the loader takes
the result for what the rows say."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from switch.cli.number_csv import DEFAULTS, TAG_PREFIX, Fields, NumberRow
from switch.formatter.entries import Change, EntryChanges, with_entries
from switch.formatter.format import FormattedFile, write
from switch.settings.files import read_directory
from switch.settings.load import load_with
from switch.settings.model.document import Document
from switch.settings.model.party import NumberConfig
from switch.settings.problem import Problem, quote
from switch.settings.source import SourceFile
from switch.settings.text import parse_yaml
from switch.settings.value import nearest

SECTION = "numbers"
NEW_FILE = "numbers.yaml"


class NotImported(Exception):
    """Nothing is written. `problems`: what the loader says against the result."""

    def __init__(self, why: str, problems: Collection[Problem] = ()) -> None:
        super().__init__(why)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChange:
    """`before`: by column, None: a new number. `after`: the columns that change, with what they change to."""

    number: str
    before: Fields | None
    after: Fields


def fields_of(number: NumberConfig) -> dict[str, str]:
    """What a number says, by column. `caps` have no column."""
    said = number.model_fields_set
    fields = {"publisher": number.publisher, "campaign": number.campaign}
    typed = {"state": str(number.state.value), "show_ani": str(number.show_ani).lower(), "answer": str(number.answer.value)}
    fields |= {column: text for column, text in typed.items() if column in said}
    if number.cap is not None:
        fields["cap"] = str(number.cap)
    return fields | {f"{TAG_PREFIX}{tag}": text for tag, text in number.tags.items()}


def objections(row: NumberRow, document: Document) -> Iterator[str]:
    """What of a row the config does not know; the rest is for the loader to say."""
    known: dict[str, Collection[str]] = {"publisher": document.publishers, "campaign": document.campaigns}
    for column, names in known.items():
        name = row.fields.get(column)
        if name is not None and name not in names:
            yield f"unknown {column} {quote(name)}" + (f": {hint}" if (hint := nearest(name, names)) else "")
        elif name is None and (column in row.fields or row.number not in document.numbers):
            yield f"no {column}"


def change_of(row: NumberRow, document: Document) -> NumberChange | None:
    """Returns what the row changes; None: nothing."""
    there = document.numbers.get(row.number)
    before = None if there is None else fields_of(there)
    now: Fields = before or {}
    after = {column: value for column, value in row.fields.items() if _meant(column, value) != _meant(column, now.get(column))}
    after = {column: None if value == DEFAULTS.get(column, ()) else value for column, value in after.items()}
    if before is not None and not after:
        return None
    return NumberChange(number=row.number, before=before, after=after)


def _meant(column: str, value: str | None) -> str | None:
    return DEFAULTS.get(column) if value is None else value


def changed_files(config: Path, changes: Collection[NumberChange]) -> list[FormattedFile]:
    """Returns the files that the changes are written to, before and after. Raises NotImported."""
    contents = read_directory(config)
    if isinstance(contents, Problem):
        raise NotImported(contents.message, [contents])
    texts = {
        name: content.decode("utf-8-sig")
        for name, content in contents.items()
        if isinstance(content, bytes) and name.endswith(".yaml")
    }
    homes = {number: name for name, text in texts.items() for number in _numbers_in(text)}
    target = max(set(homes.values()), key=lambda name: (sum(home == name for home in homes.values()), name), default=NEW_FILE)
    by_file: dict[str, dict[str, EntryChanges]] = {}
    for change in changes:
        by_file.setdefault(homes.get(change.number, target), {})[change.number] = _entry_changes(change)
    found = []
    for name, entries in by_file.items():
        before = texts.get(name, "")
        after = with_entries(before, SECTION, entries, name=str(config / name))
        if isinstance(after, Problem):
            raise NotImported(after.message, [after])
        found.append(FormattedFile(path=config / name, before=before, after=after))
    _check(config, found, changes)
    return found


def write_files(files: Collection[FormattedFile]) -> None:
    """All or none. Raises OSError; then every file is as it was."""
    done: list[FormattedFile] = []
    try:
        for file in files:
            if not file.path.exists():
                file.path.touch(mode=0o644)
            done.append(file)
            write(file)
    except OSError:
        for file in reversed(done):
            with suppress(OSError):
                if file.before:
                    write(FormattedFile(path=file.path, before=file.after, after=file.before))
                else:
                    file.path.unlink()
        raise


def _numbers_in(text: str) -> Collection[str]:
    found = parse_yaml(text, SourceFile(path=""))
    section = {} if isinstance(found, Problem) else found.data.get(SECTION)
    return section.keys() if isinstance(section, dict) else ()


def _entry_changes(change: NumberChange) -> EntryChanges:
    """By key of the config: tags stand below one."""
    keys: dict[str, Change] = {column: value for column, value in change.after.items() if not column.startswith(TAG_PREFIX)}
    tags = {column.removeprefix(TAG_PREFIX): value for column, value in change.after.items() if column.startswith(TAG_PREFIX)}
    return {**keys, "tags": tags} if tags else keys


def _check(config: Path, files: Collection[FormattedFile], changes: Collection[NumberChange]) -> None:
    """Raises NotImported where the loader refuses the new files, or reads anything else from them than what was meant."""
    before, loaded = load_with(config, {}), load_with(config, {file.path.name: file.after for file in files})
    if loaded.document is None or before.document is None:
        raise NotImported("the config would have errors", loaded.errors)
    wanted = {number: _without_none(fields_of(entry)) for number, entry in before.document.numbers.items()}
    for change in changes:
        wanted[change.number] = _without_none({**(change.before or {}), **change.after})
    found = {number: _without_none(fields_of(entry)) for number, entry in loaded.document.numbers.items()}
    if found != wanted or _others(before.document) != _others(loaded.document):
        raise NotImported("the files would say something else than the rows: this is a defect, report it")


def _others(document: Document) -> dict[str, object]:
    return {
        section: entries for section, entries in vars(document).items() if section in Document.model_fields and section != SECTION
    }


def _without_none(fields: Mapping[str, str | None]) -> dict[str, str]:
    return {column: value for column, value in fields.items() if value is not None}


def text_of(change: NumberChange) -> str:
    """The change in words, on one line."""
    parts = []
    for column, value in change.after.items():
        was = None if change.before is None else change.before.get(column)
        if change.before is None:
            parts += [] if value is None else [f"{column} {value or quote('')}"]
        else:
            parts.append(f"{column} {was or '-'} -> {DEFAULTS.get(column, '-') if value is None else value or quote('')}")
    return f"{change.number}  {', '.join(parts)}"
