"""Knows what tags must be in harmony with: those that are built in, their headers, the values they are set to, the filters that ask."""

from collections.abc import Iterator, Mapping

from routing.expression import BadExpression, Kind, is_word, parse, type_mismatches
from routing.tags import BUILT_IN
from switch.settings.harmony.found import Found, attempt
from switch.settings.names import listed, mapping
from switch.settings.problem import quote
from switch.settings.source import KeyPath, Tree
from switch.settings.tags import GIVEN, fixed, scalar
from switch.settings.value import Unfit, header, nearest

ELSEWHERE = "menus set zip and consent, the switch knows the others"


def tags(tree: Tree, kinds: Mapping[str, Kind]) -> Iterator[Found]:
    """`kinds`: the tags there are."""
    yield from _declarations(tree)
    yield from _values(tree, kinds)
    for path, text in filters_of(tree):
        yield from _misfits(path, text, kinds, whole=not tree.unread)


def filters_of(tree: Tree) -> Iterator[tuple[KeyPath, str]]:
    """(path, text) of every filter."""
    for owner, advertiser in mapping(tree.data.get("advertisers")).items():
        for name, line in mapping(mapping(advertiser).get("lines")).items():
            if isinstance(text := mapping(line).get("filter"), str):
                yield ("advertisers", owner, "lines", name, "filter"), text
    for name, campaign in mapping(tree.data.get("campaigns")).items():
        if isinstance(text := mapping(campaign).get("filter"), str):
            yield ("campaigns", name, "filter"), text
    for name, menu in mapping(tree.data.get("menus")).items():
        for index, case in enumerate(listed(mapping(menu).get("branch"))):
            if isinstance(text := mapping(case).get("when"), str):
                yield ("menus", name, "branch", index, "when"), text


def _declarations(tree: Tree) -> Iterator[Found]:
    headers: dict[str, str] = {}
    for name, entry in mapping(tree.data.get("tags")).items():
        if name in BUILT_IN and name not in GIVEN:
            yield Found(path=("tags", name), unfit=Unfit(f"tag {quote(name)} is built in", hint="choose another name"), at_key=True)
        elif name in GIVEN and mapping(entry).get("type") not in (None, BUILT_IN[name].value):
            unfit = Unfit(f"tag {quote(name)} is built in, and {BUILT_IN[name]}", expected=BUILT_IN[name].value)
            yield Found(path=("tags", name, "type"), unfit=unfit)
        elif not is_word(name):
            yield Found(path=("tags", name), unfit=_unspeakable(name), at_key=True)
        found = attempt(header, mapping(entry).get("header"))
        if found and found in headers:
            unfit = Unfit(f"header {quote(found)} is two tags", hint=f"tag {quote(headers[found])} is read from it already")
            yield Found(path=("tags", name, "header"), unfit=unfit)
        elif found:
            headers[found] = name


def _unspeakable(name: str) -> Unfit:
    return Unfit(
        f"no filter could ask for a tag {quote(name)}", expected="a word such as sub_id, which is none of the filter language"
    )


def _values(tree: Tree, kinds: Mapping[str, Kind]) -> Iterator[Found]:
    """What menus and numbers set tags to."""
    for path, name, raw in fixed(tree):
        if name in BUILT_IN and name not in GIVEN:
            yield Found(path=path, unfit=Unfit(f"tag {quote(name)} is built in", hint=ELSEWHERE), at_key=True)
        elif not is_word(name):
            yield Found(path=path, unfit=_unspeakable(name), at_key=True)
        elif isinstance(raw, str):
            try:
                scalar(raw, kinds[name])
            except Unfit as unfit:
                yield Found(path=path, unfit=unfit)


def _misfits(path: KeyPath, text: str, kinds: Mapping[str, Kind], *, whole: bool) -> Iterator[Found]:
    """`whole`: all files could be read; what is unknown otherwise may be known to another."""
    try:
        expression = parse(text)
    except BadExpression:
        return  # told by the models
    for misfit in type_mismatches(expression, kinds):
        if misfit.name is None:
            yield Found(path=path, unfit=Unfit(misfit.message, at=misfit.column))
        elif whole:
            hint = nearest(misfit.name, sorted(kinds)) or "declare it under `tags:`, or let a menu or a number set it"
            yield Found(path=path, unfit=Unfit(misfit.message, hint=hint, at=misfit.column))
