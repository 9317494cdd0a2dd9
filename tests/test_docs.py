"""The documents are true: what they name is there. Sections that code cites, files, functions, commands, options and links."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from switch.cli.main import app

ROOT = Path(__file__).parent.parent
PLACES = ("switch", "ivr", "media", "routing", "tests", "docs", "bench", "config", "sip-test-rigs", "deploy")
PLACE = re.compile(rf"(?<![\w/.:*-])(?:{'|'.join(PLACES)})/[\w./-]*[\w/]")
"""A path from the root of the repository, anywhere in prose or code."""
DEFINED = re.compile(r"((?:`\w+`(?:,| and) )*`\w+`) in `([\w/.-]+)`")
"""Names and the file, or package, that they are said to be defined in."""
CITED = re.compile(r"(?<![\w/.-])((?:[\w-]+/)*[\w-]+\.md)`?((?:,?(?: and)? ?§\d+)*)")
"""A document, and the sections of it that are cited."""
SECTION = re.compile(r"^## (\d+)\. ", re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]*)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^ *```[a-z]*\n(.*?)^ *```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:\$ )?(?:sudo -u \w+ |docker run .* )?(?:/\S*/bin/)?payphone ([a-z]+)(.*)")
OPTION = re.compile(r"(?<![^\s`(])--?[a-z][a-z-]*")

OTHERS = frozenset({"--log-opt", "--network", "--no-healthcheck"})
"""Options of other programs."""
HISTORY = "docs/adr/"
"""Decisions keep the words of their day: their files and functions may be gone. Their links may not."""


def files(ending: str) -> list[Path]:
    """Those of the repository: at its root, and in its places."""
    return sorted([*ROOT.glob(f"*{ending}"), *(path for place in PLACES for path in (ROOT / place).rglob(f"*{ending}"))])


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


DOCUMENTS = [name_of(path) for path in files(".md")]
GUIDES = [name for name in DOCUMENTS if not name.startswith(HISTORY) and name != "CHANGELOG.md"]
SOURCES = [name_of(path) for path in files(".py") if path != Path(__file__)]


@cache
def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def sections(document: str) -> frozenset[str]:
    return frozenset(SECTION.findall(text_of(document)))


def citations(text: str) -> Iterator[tuple[str, list[str]]]:
    for document, cited in CITED.findall(text):
        yield document, re.findall(r"\d+", cited)


def test_what_code_cites_is_there() -> None:
    """Code cites documents by their path from the root, and sections by their number."""
    wrong = []
    for source in SOURCES:
        for document, numbers in citations(text_of(source)):
            if document not in DOCUMENTS and not (source.startswith("tests/") and not numbers):  # tests make file names up
                wrong.append(f"{source}: {document}")
            else:
                wrong += [f"{source}: {document} §{number}" for number in numbers if number not in sections(document)]
    assert wrong == []


@pytest.mark.parametrize("document", ["docs/billing.md", "docs/carriers.md", "docs/design.md"])
def test_rules_are_cited(document: str) -> None:
    """A rule that no code cites any more is a rule that nobody keeps."""
    cited = {number for source in SOURCES for name, numbers in citations(text_of(source)) if name == document for number in numbers}
    assert cited, document
    assert cited <= sections(document)


@pytest.mark.parametrize("document", ["docs/billing.md", "docs/carriers.md", "docs/design.md"])
def test_sections_are_numbered_from_one(document: str) -> None:
    numbers = [int(number) for number in SECTION.findall(text_of(document))]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("document", GUIDES)
def test_files_that_are_named_are_there(document: str) -> None:
    named = {path.rstrip("/").rstrip(".") for path in PLACE.findall(text_of(document))}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_files_of_the_code_map_are_there() -> None:
    """Its last column names files from the place of the row."""
    table = text_of("ARCHITECTURE.md").partition("## Code map")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) > 20
    wrong = []
    for places, _, start in rows:
        place = re.findall(r"`([\w/.-]+)`", places)[0]
        for name in re.findall(r"`([\w/.-]+)`", start):
            home = ROOT / place if (ROOT / place).is_dir() else (ROOT / place).parent
            if not (home / name).exists() and not (ROOT / name).exists():
                wrong.append(f"{place}: {name}")
    assert wrong == []


@cache
def definitions(place: str) -> frozenset[str]:
    """What a file, or all files of a package, define."""
    homes = [source for source in SOURCES if source == place or source.startswith(f"{place}/")]
    return frozenset(name for home in homes for name in _defined(ast.parse(text_of(home))))


def _defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name


@pytest.mark.parametrize("document", [name for name in GUIDES if DEFINED.search(text_of(name))])
def test_what_is_said_to_be_defined_somewhere_is(document: str) -> None:
    said = [
        (name, place) for names, place in DEFINED.findall(text_of(document)) for name in re.findall(r"\w+", names) if name != "and"
    ]
    wrong = {f"{name} in {place}" for name, place in said if "/" in place and name not in definitions(place)}
    assert sorted(wrong) == []


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "docs/glossary.md", "docs/billing.md", "docs/design.md"])
def test_classes_that_are_named_are_there(document: str) -> None:
    known = {name for place in ("switch", "ivr", "media", "routing") for name in definitions(place)}
    named = set(re.findall(r"(?:`|\*\*)([A-Z][a-z]+\w*)(?:`|\*\*|\.\w+`)", FENCE.sub("", text_of(document))))
    prose = set(re.findall(r"\*\*([A-Z][a-z]+)\*\*", text_of(document)))
    assert sorted(named - prose - known) == []


def test_layers_are_those_that_are_enforced() -> None:
    contracts = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    drawn = text_of("ARCHITECTURE.md").partition("```\ncli → ")[2].partition("```")[0]
    assert ["cli", *(layer.strip() for layer in drawn.split("→"))] == [layer.replace("switch.", "") for layer in layers]


def test_architecture_is_short() -> None:
    assert len(text_of("ARCHITECTURE.md").splitlines()) <= 200


# links


def anchor_of(heading: str) -> str:
    """As GitHub makes them."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@cache
def anchors(document: str) -> frozenset[str]:
    return frozenset(map(anchor_of, HEADING.findall(FENCE.sub("", text_of(document)))))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    wrong = []
    for link in LINK.findall(FENCE.sub("", text_of(document))):
        target, _, anchor = link.partition("#")
        path = (ROOT / document).parent / target if target else ROOT / document
        if not path.exists() or (anchor and anchor not in anchors(name_of(path.resolve()))):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("document", GUIDES)
def test_sections_that_documents_cite_are_there(document: str) -> None:
    """`[billing.md §3](billing.md#3-...)`: the number is the target's, and `§3` alone is one of this document, where it has any."""
    text = FENCE.sub("", text_of(document))
    wrong = []
    for number, link in re.findall(r"§(\d+)\]\(([^)\s]+)\)", text):
        target, _, anchor = link.partition("#")
        path = (ROOT / document).parent / target
        if number not in sections(name_of(path.resolve())) or not anchor.startswith(f"{number}-"):
            wrong.append(link)
    if document in {"docs/billing.md", "docs/carriers.md", "docs/design.md"}:
        alone = re.findall(r"(?<!\w )§(\d+)(?![\d.\]])", re.sub(r"\[[^]]*\]\([^)]*\)|RFC \d+ §[\d.]+|`[^`]*`", "", text))
        wrong += [number for number in alone if number not in sections(document)]
    assert wrong == []


def test_every_decision_is_in_the_index() -> None:
    decisions = {name.removeprefix(HISTORY) for name in DOCUMENTS if name.startswith(HISTORY)} - {"README.md"}
    listed = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| .+ \|$", text_of(f"{HISTORY}README.md"), re.MULTILINE)
    assert {name for _, name in listed} == decisions
    assert [number for number, name in listed if not name.startswith(f"{number}-")] == []
    assert [number for number, _ in listed] == sorted({number for number, _ in listed})


@pytest.mark.parametrize("name", [name for name in (*DOCUMENTS, *SOURCES) if "ADR " in text_of(name)])
def test_decisions_that_are_cited_are_there(name: str) -> None:
    known = {document.removeprefix(HISTORY)[:4] for document in DOCUMENTS if document.startswith(HISTORY)}
    assert set(re.findall(r"\bADR (\d{4})", text_of(name))) - known == set()


# commands


@cache
def commands() -> Mapping[str, TyperCommand | TyperGroup]:
    """Every command by its name, those of a group as `money show`, and the group itself."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    found = dict(_commands_of(root))
    assert len(found) > 15
    return found


def _commands_of(group: TyperGroup, prefix: str = "") -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    for name in group.list_commands(typer.Context(group)):
        command = group.get_command(typer.Context(group), name)
        assert isinstance(command, TyperCommand | TyperGroup)
        yield f"{prefix}{name}", command
        if isinstance(command, TyperGroup):
            yield from _commands_of(command, f"{prefix}{name} ")


@cache
def options(name: str) -> frozenset[str]:
    command = commands()[name]
    shown = {option for param in command.get_params(typer.Context(command)) for option in (*param.opts, *param.secondary_opts)}
    return frozenset(shown | {"--help", "-h"})


def calls_in(document: str) -> Iterator[tuple[str, str]]:
    """Every `payphone NAME ...` in code: its name, with its group's, and the rest of the line, what is said of it included."""
    for block, inline in CODE.findall(text_of(document)):
        for line in (block or inline).replace("\\\n", " ").splitlines():
            for part in re.split(r" (?:&&|\|) ", line):
                found = CALL.match(part.strip())
                if found is not None:
                    name, rest = found[1], found[2]
                    second = re.match(r" ([a-z]+)", rest)
                    if second is not None and isinstance(commands().get(name), TyperGroup):
                        name = f"{name} {second[1]}"
                    yield name, rest


@pytest.mark.parametrize("document", [name for name in GUIDES if "payphone " in text_of(name)])
def test_commands_that_are_shown_are_there(document: str) -> None:
    wrong = []
    for name, rest in calls_in(document):
        if name not in commands():
            wrong.append(f"payphone {name}")
        else:
            wrong += [f"payphone {name} {option}" for option in OPTION.findall(rest) if option not in options(name)]
    assert wrong == []


@pytest.mark.parametrize("document", [name for name in GUIDES if name.startswith("docs/guide-") or name == "README.md"])
def test_options_that_are_explained_are_there(document: str) -> None:
    """An option in code by itself is one of some command that the document shows; README speaks of all."""
    shown = {name for name, _ in calls_in(document)} if document != "README.md" else set(commands())
    known = {option for name in shown & set(commands()) for option in options(name)}
    alone = {
        option for _, inline in CODE.findall(text_of(document)) if inline.startswith("--") for option in OPTION.findall(inline)
    }
    assert sorted(alone - known - OTHERS) == []


def test_calls_of_commands_are_found() -> None:
    """The tests above look at something."""
    found = [name for document in GUIDES for name, _ in calls_in(document)]
    assert len(found) > 60
    assert {"money adjust", "check", "init", "audit", "replay"} <= set(found)


SHOWN = re.compile(r"^```\n\$ payphone ((?:[^\n]*\\\n)*[^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""A command, which may go on behind a backslash, and what it writes to a terminal of eighty columns."""
MEASURED = "demo"
"""What it writes are measurements, of another day each time."""


def test_what_commands_are_shown_to_write_they_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = [(words.replace("\\\n", " ").split(), text) for words, text in SHOWN.findall(text_of("README.md"))]
    assert [words[0] for words, _ in shown] == [MEASURED, "route"]
    for words, text in shown:
        assert max(map(len, text.splitlines())) <= 80
        if words[0] != MEASURED:
            assert CliRunner().invoke(app, words, env={"COLUMNS": "80"}).stdout == text


def test_every_command_is_in_the_readme() -> None:
    text = text_of("README.md")
    assert [name for name in commands() if " " not in name and f"`payphone {name}" not in text and f"`{name}`" not in text] == []
