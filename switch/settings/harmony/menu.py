"""Knows what menus must be in harmony with: themselves, the tags there are, and the prompts of digits."""

from collections.abc import Collection, Iterator, Mapping

from ivr.graph import loops_without_input
from ivr.menu import DIGIT_PROMPTS, MenuPlan, Node
from routing.expression import Kind
from switch.settings import value as v
from switch.settings.field import MAX_DIGITS
from switch.settings.harmony.found import Found, attempt
from switch.settings.names import listed, mapping
from switch.settings.problem import quote
from switch.settings.source import KeyPath, Tree, Value
from switch.settings.value import Unfit


def menus(tree: Tree, kinds: Mapping[str, Kind], prompts: Collection[str]) -> Iterator[Found]:
    for name, entry in mapping(tree.data.get("menus")).items():
        menu, path = mapping(entry), ("menus", name)
        yield from _answer_lengths(menu, path)
        if "gather" in menu:
            yield from _gather(menu, kinds, path)
        if "zip" in menu:
            yield from _read_back(menu, prompts, path)
        if "yes_no" in menu:
            yield from _yes_no(menu, kinds, path)
        if "consent" in menu and "key" not in menu and "failed" in menu:
            unfit = Unfit("this consent can't fail", hint="with `key` the caller must agree; without it he only has to stay")
            yield Found(path=(*path, "failed"), unfit=unfit, at_key=True)
        for index, case in enumerate(listed(menu.get("branch"))):
            yield from _case(mapping(case), (*path, "branch", index))


def circles(nodes: Mapping[str, Node]) -> Iterator[Found]:
    """Ways that lead back to where they begin and never wait for the caller. `nodes`: all menus, compiled."""
    for way in loops_without_input(MenuPlan(start="", nodes=nodes)):
        unfit = Unfit(f"menus run in a circle: {' -> '.join(way)}", hint="let one of them ask the caller, or leave the circle")
        yield Found(path=("menus", way[0]), unfit=unfit, at_key=True)


def _answer_lengths(menu: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    digits = attempt(_count, menu.get("digits", "1"))
    for key in mapping(menu.get("keys")):
        if digits and len(key) != digits:
            expected = f"{digits} digit{'s' if digits > 1 else ''}, as `digits` says"
            yield Found(
                path=(*path, "keys", key), unfit=Unfit(f"key {quote(key)} can never be entered", expected=expected), at_key=True
            )


def _count(text: str) -> int:
    return v.whole(text, low=1, high=MAX_DIGITS)


def _gather(menu: dict[str, Value], kinds: Mapping[str, Kind], path: KeyPath) -> Iterator[Found]:
    kind, valid = kinds.get(str(menu["gather"])), menu.get("valid")
    least, most = attempt(_count, menu.get("min", "1")), attempt(_count, menu.get("max"))
    if kind is Kind.TRUTH:
        yield Found(
            path=(*path, "gather"), unfit=Unfit("digits are no truth", hint="ask with `yes_no`, or declare it number or text")
        )
    if isinstance(valid, str) and kind is Kind.NUMBER and valid.startswith("/"):
        hint = "declare the tag `type: text` to match digits as they are typed"
        yield Found(path=(*path, "valid"), unfit=Unfit("a number has no pattern", expected="a range such as 18-99", hint=hint))
    if isinstance(valid, str) and kind is Kind.TEXT and not valid.startswith("/"):
        expected, hint = "a regular expression such as /[2-9][0-9]{9}/", "declare the tag `type: number` to compare its value"
        yield Found(path=(*path, "valid"), unfit=Unfit("a text has no range", expected=expected, hint=hint))
    if least and most and least > most:
        yield Found(path=(*path, "min"), unfit=Unfit(f"min is {least}, but max is {most}", expected=f"from 1 to {most}"))


def _read_back(menu: dict[str, Value], prompts: Collection[str], path: KeyPath) -> Iterator[Found]:
    for one, other in (("read_back", "confirm"), ("confirm", "read_back")):
        if one in menu and other not in menu:
            unfit = Unfit(f"`{one}` without `{other}`", hint="the digits are said between the two")
            yield Found(path=(*path, one), unfit=unfit, at_key=True)
    if "read_back" in menu and (missing := [prompt for prompt in DIGIT_PROMPTS.values() if prompt not in prompts]):
        unfit = Unfit(f"prompts to say digits are missing: {', '.join(missing)}", expected="digit-0.wav to digit-9.wav")
        yield Found(path=(*path, "read_back"), unfit=unfit, at_key=True)


def _yes_no(menu: dict[str, Value], kinds: Mapping[str, Kind], path: KeyPath) -> Iterator[Found]:
    kind = kinds.get(str(menu["yes_no"]))
    if kind not in (None, Kind.TRUTH):
        yield Found(path=(*path, "yes_no"), unfit=Unfit(f"yes or no is no {kind}", hint="declare the tag `type: truth`"))


def _case(case: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    given = [key for key in ("when", "hours") if key in case]
    if case and len(given) != 1:
        unfit = Unfit(
            "a case without a condition" if not given else "a case with two conditions", expected="exactly one of when, hours"
        )
        yield Found(path=path, unfit=unfit)
