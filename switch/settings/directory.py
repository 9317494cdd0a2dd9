"""Knows how a directory becomes one tree: which files are read, what they hold together, what of them is shown to nobody.

Only the directory itself is read: what is in directories below it is not config.
"""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from switch.settings.problem import Problem, order, quote
from switch.settings.source import KeyPath, Parsed, SourceFile, Span, Spot, Tree, Value, shown, trouble, twice
from switch.settings.text import parsed

MAX_FILES = 1_000
MAX_FILE_BYTES = 16 * 1024 * 1024
# Tokens, and passwords in URLs: what people are shown of a file, and what is kept of it, has the letter x for each of their
# characters: so it stays YAML.
_SECRET = re.compile(
    r"""(\bt[oken]{2,5}s?["']?[ \t]*:\s*)  # the key, also where it is mistyped
        ("[^"\n]*|'[^'\n]*|\[[^\]\n]*|[^\s,}][^\n,}]*)
      | (://[^\s:/@]*:)([^\s@/]+)(?=@)""",
    re.VERBOSE,
)
_SHOWN = re.compile(r"""(?<!\s)[^\s"']|[^\s"'#]""")  # a comment behind a secret stays one; its words may be an older secret


def read(directory: Path) -> Tree:
    """Every `*.yaml` of `directory`, merged. What can't be read is a problem of the tree; the rest is there all the same."""
    builder = _Builder()
    for path in _files(directory, builder):
        builder.add(path)
    return Tree(
        root=shown(directory),
        data=builder.data,
        spots=builder.spots,
        problems=tuple(sorted(builder.problems, key=order)),
        unread=tuple(builder.unread),
        files=builder.files,
    )


def without_secrets(text: str) -> str:
    """`text` with letters x where secrets are; every character keeps its place."""
    return _SECRET.sub(lambda found: (found[1] or found[3]) + _SHOWN.sub("x", found[2] or found[4]), text)


@dataclass(frozen=True, slots=True)
class _Builder:
    """The tree while files are added to it."""

    data: dict[str, Value] = field(default_factory=dict)
    spots: dict[KeyPath, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Read one file into the tree."""
        file = SourceFile(path=shown(path))
        text = _text(path, file)
        if isinstance(text, Problem):
            self.problems.append(text)
            return
        self.files[path.name] = without_secrets(text)
        file = SourceFile(path=file.path, lines=tuple(self.files[path.name].splitlines()))
        found = parsed(text, file)
        if isinstance(found, Problem):
            self.problems.append(found)
            self.unread.append(text)
        else:
            self._merge(found)

    def _merge(self, found: Parsed) -> None:
        """A section may be spread over files; its entries may not."""
        self.problems.extend(found.problems)
        left_out: set[KeyPath] = set()
        for section, value in found.data.items():
            spot = found.spots[section,]
            if section not in self.data:
                # The models tell what is wrong with a section that is no mapping.
                self.data[section] = value if isinstance(value, str | list) else {}
            elif isinstance(value, str | list):
                expected = "a mapping: `name: ...`"
                self.problems.append(trouble(spot.file, spot.key, f"{quote(section)} must hold names", expected=expected))
            left_out |= self._merge_entries(section, value, found)
        for path, spot in found.spots.items():
            if path not in self.spots and path[:2] not in left_out:
                self.spots[path] = spot

    def _merge_entries(self, section: str, value: Value, found: Parsed) -> set[KeyPath]:
        """The paths of entries that are there already."""
        entries = self.data[section]
        left_out: set[KeyPath] = set()
        if not isinstance(value, dict) or not isinstance(entries, dict):
            return left_out
        for name, entry in value.items():
            if name in entries:
                left_out.add((section, name))
                self.problems.append(twice(name, self.spots[section, name], found.spots[section, name]))
            else:
                entries[name] = entry
        return left_out


def _files(directory: Path, builder: _Builder) -> list[Path]:
    """The files to read, by name. Editors' hidden lock and swap files are not config."""
    root = SourceFile(path=shown(directory))
    start = f"make one to start from: payphone init {shlex.quote(root.path)}; or say where it is with --config DIR"
    try:
        names = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        builder.problems.append(trouble(root, None, "no config here: there is no such directory", hint=start))
        return []
    except OSError as error:
        where = "say where it is with --config DIR"
        builder.problems.append(trouble(root, None, f"the config directory cannot be read: {error.strerror}", hint=where))
        return []
    found = [path for path in names if path.suffix == ".yaml"]
    if not found:
        builder.problems.append(trouble(root, None, "no config here", expected="files that end in .yaml", hint=start))
    if len(found) > MAX_FILES:
        builder.problems.append(trouble(root, None, f"{len(found)} files", expected=f"at most {MAX_FILES:,}"))
    for path in (path for path in names if path.suffix == ".yml"):
        builder.problems.append(trouble(SourceFile(path=shown(path)), None, "this file would not be read", hint="name it *.yaml"))
    return found[:MAX_FILES]


def _text(path: Path, file: SourceFile) -> str | Problem:
    """The text of a file. Reading a pipe would wait for ever, so only regular files are opened."""
    try:
        if not path.is_file():
            return trouble(file, None, "not a regular file")
        if path.stat().st_size > MAX_FILE_BYTES:
            return trouble(
                file, None, "the file is too large", expected=f"at most {MAX_FILE_BYTES // 1024**2} MiB; spread it over files"
            )
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        return trouble(file, None, f"the file cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        return _not_utf8(raw, error.start, file)
    if not text.strip():
        # An editor empties a file before it writes it: taking that for "no numbers any more" would refuse calls.
        return trouble(file, None, "the file is empty", hint="delete it, or say in a comment what it is for")
    return text


def _not_utf8(raw: bytes, at: int, file: SourceFile) -> Problem:
    before = raw[:at].decode("utf-8", errors="replace")
    lines = tuple(without_secrets(raw.decode("utf-8", errors="replace")).splitlines())
    span = Span(line=before.count("\n") + 1, column=len(before) - (before.rfind("\n") + 1) + 1, length=1)
    return trouble(SourceFile(path=file.path, lines=lines), span, f"not UTF-8: byte 0x{raw[at]:02x}", hint="save the file as UTF-8")
