"""Reads config files: a directory to a mapping of names to contents, and such a mapping to one tree.

Only names that end in `.yaml` and stand in no folder are config. Whoever shows or keeps the text of a file takes it from here, without
secrets.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from switch.settings.problem import Problem, order, quote
from switch.settings.source import (
    KeyPath,
    ParsedFile,
    SourceFile,
    Span,
    Tree,
    display_path,
    duplicate_key,
    error_at,
)
from switch.settings.text import parse_yaml

Content = bytes | str | Problem
"""The content of a file, or the Problem why it could not be read."""

DEFAULT_DATA = "../var"
DEFAULT_LEDGER = "sqlite"
"""`switch.data` and `switch.ledger` where they are left out: here, since who looks for a ledger compiles no config."""
MAX_FILES = 1_000
MAX_FILE_BYTES = 16 * 1024 * 1024
# Tokens, secrets, the URL of a webhook and passwords in URLs: what people are shown of a file, and what is kept of it, has the letter x for
# each of their characters: so it stays YAML. A mistyped `token` or `secret` is one too; `ten` and `tone` are names. Where a secret stands,
# `{env: NAME}`, is none.
_SECRET = re.compile(
    r"""(\b(?:[to](?=[a-z]*k)[token]{3,5}s?|se[cret]{3,5}s?|passw(?:or)?d|webhook)["']?
        (?:[ \t]*[:=]\s*(?!\{?\s*["']?(?:env|file)["']?[ \t]*:)|[ \t]+(?=\S{16})))
        ("[^"\n]*|'[^'\n]*|\[[^\]\n]*|[^\s,}][^\n,}]*)
      | (://[^\s:/@]*:)([^\s@/]+)(?=@)
      | (\b[Ss][Ii][Pp][Ss]?:[^\s:@/]*:)([^\s@]+)(?=@)
      | ([?&](?!passfile=)[^\s=&]*[Pp][Aa][Ss][Ss][^\s=&]*=)([^\s&"',}]+)""",
    re.VERBOSE,
)
_SHOWN = re.compile(r"""(?<!\s)[^\s"']|[^\s"'#]""")  # a comment behind a secret stays one; its words may be an older secret


def read_directory(directory: Path) -> dict[str, Content] | Problem:
    """The config files of a directory by name, and other files' names where they are likely meant as config; or why it can't be read."""
    place = SourceFile(path=display_path(directory))
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix in (".yaml", ".yml"))
    except FileNotFoundError:
        return error_at(place, None, "no config here: there is no such directory", hint=_init(directory))
    except OSError as error:
        message = f"the config directory cannot be read: {error.strerror}"
        return error_at(place, None, message, hint="say where it is with --config DIR")
    found: dict[str, Content] = {}
    for path in paths:
        is_read = is_config(path.name) and len(found) < MAX_FILES
        found[path.name] = read_file(path) if is_read else b""
    return found


def read_file(path: Path) -> bytes | Problem:
    """The content of one file. Reading a pipe would wait for ever, so only regular files are opened."""
    file = SourceFile(path=display_path(path))
    try:
        if not path.is_file():
            return error_at(file, None, "not a regular file")
        if path.stat().st_size > MAX_FILE_BYTES:
            return _too_large(file)
        return path.read_bytes()
    except OSError as error:
        return error_at(file, None, f"the file cannot be read: {error.strerror}")


def is_config(name: str) -> bool:
    """Whether a file of that name is config. Editors' hidden lock and swap files, and what stands in folders, are not config."""
    return name.endswith(".yaml") and not name.startswith(".") and "/" not in name


def merged(files: Mapping[str, Content], *, root: Path) -> Tree:
    """Every config file among `files` as one tree. What can't be read is a problem of the tree; the rest is there all the same.

    `root`: the directory that the files are told to stand in.
    """
    tree, place = Tree(root=display_path(root)), SourceFile(path=display_path(root))
    names = sorted(name for name in files if is_config(name))
    if not names:
        tree.problems.append(error_at(place, None, "no config here", expected="files that end in .yaml", hint=_init(root)))
    elif len(names) > MAX_FILES:
        tree.problems.append(error_at(place, None, f"{len(names)} files", expected=f"at most {MAX_FILES:,}"))
    for name in sorted(files):
        if name.endswith(".yml") and not name.startswith(".") and "/" not in name:
            file = SourceFile(path=display_path(root / name))
            tree.problems.append(error_at(file, None, "this file would not be read", hint="name it *.yaml"))
    for name in names[:MAX_FILES]:
        _add(tree, name, files[name], display_path(root / name))
    tree.problems.sort(key=order)
    return tree


def _add(tree: Tree, name: str, content: Content, path: str) -> None:
    """Reads one file into the tree. `path`: how people are told of it."""
    text = text_of(content, SourceFile(path=path))
    if isinstance(text, Problem):
        tree.problems.append(text)
        return
    tree.files[name] = without_secrets(text)
    found = parse_yaml(text, SourceFile(path=path, lines=tuple(tree.files[name].splitlines())))
    if isinstance(found, Problem):
        tree.problems.append(found)
        tree.unread.append(text)
    else:
        _merge(tree, found)


def _merge(tree: Tree, found: ParsedFile) -> None:
    """A section may be spread over files; its entries may not."""
    tree.problems.extend(found.problems)
    left_out: set[KeyPath] = set()
    for section, value in found.data.items():
        place = found.places[section,]
        if section not in tree.data:
            # The models tell what is wrong with a section that is no mapping.
            tree.data[section] = value if isinstance(value, str | list) else {}
        elif isinstance(value, str | list):
            expected = "a mapping: `name: ...`"
            tree.problems.append(error_at(place.file, place.key, f"{quote(section)} must hold names", expected=expected))
        entries = tree.data[section]
        if not isinstance(value, dict) or not isinstance(entries, dict):
            continue
        for name, entry in value.items():
            if name in entries:
                left_out.add((section, name))
                tree.problems.append(duplicate_key(name, tree.places[section, name], found.places[section, name]))
            else:
                entries[name] = entry
    for path, place in found.places.items():
        if path not in tree.places and path[:2] not in left_out:
            tree.places[path] = place


def _init(directory: Path) -> str:
    return f"make one to start from: payphone init {shlex.quote(display_path(directory))}; or say where it is with --config DIR"


def text_of(content: Content, file: SourceFile) -> str | Problem:
    """Returns the text of a file, or the problem why it can't be used."""
    if isinstance(content, Problem):
        return content
    if len(content) > MAX_FILE_BYTES:
        return _too_large(file)
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _not_utf8(error, file)
    if not text.strip():
        # An editor empties a file before it writes it: taking that for "no numbers any more" would refuse calls.
        return error_at(file, None, "the file is empty", hint="delete it, or say in a comment what it is for")
    return text


def without_secrets(text: str) -> str:
    """`text` with letters x where secrets are; every character keeps its place."""
    return _SECRET.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    lead, secret = (group for group in found.groups() if group is not None)
    return str(lead) + _SHOWN.sub("x", secret)


def _too_large(file: SourceFile) -> Problem:
    return error_at(file, None, "the file is too large", expected=f"at most {MAX_FILE_BYTES // 1024**2} MiB; spread it over files")


def _not_utf8(error: UnicodeDecodeError, file: SourceFile) -> Problem:
    raw, at = error.object, error.start
    before = raw[:at].decode("utf-8", errors="replace")
    lines = tuple(without_secrets(raw.decode("utf-8", errors="replace")).splitlines())
    span = Span(line=before.count("\n") + 1, column=len(before) - (before.rfind("\n") + 1) + 1, length=1)
    return error_at(
        SourceFile(path=file.path, lines=lines), span, f"not UTF-8: byte 0x{raw[at]:02x}", hint="save the file as UTF-8"
    )
