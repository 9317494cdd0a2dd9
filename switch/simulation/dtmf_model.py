"""Models what a caller presses to get through a menu, mistakes included. Walks the menu, so that every kind of node is covered.

When the keys are pressed and what happens to the call is the simulator's.
"""

import re
from random import Random
from typing import assert_never

from ivr.menu import CONFIRM_KEY, CORRECT_KEY, DECIMAL, Gather, HangUp, KnownZip, Matching, Menu, MenuPlan, Within
from ivr.step import TERMINATOR, Digit, InputTimeout, MenuContext, PromptDone, Turn, start, step
from routing.geo import known_zip

MAX_TURNS = 200
"""Of one walk: menus may lead in a circle."""
MAX_GUESSES = 300
"""At an answer that a regular expression allows, or at a ZIP that exists: of five random digits every third is one."""
ENDS = 0.08
"""How often a caller chooses a key that ends the call, where there is one."""


def digits(plan: MenuPlan, scene: MenuContext, chance: Random, *, slips: float) -> str:
    """Returns what the caller presses, one digit each time the menu waits for one. `slips`: how often an answer is a wrong one, 0 to 1."""
    pressed = ""
    turn = start(plan, scene)
    for _ in range(MAX_TURNS):
        if turn.outcome is not None:
            break
        session = turn.session
        if session.playing:
            turn = step(plan, session, PromptDone(), scene)
            continue
        node = plan.nodes[session.node]
        answer = _answer(node, turn, chance, slips=slips) if isinstance(node, Menu | Gather) else ""
        if not answer:
            turn = step(plan, session, InputTimeout(), scene)
        for digit in answer:
            pressed += digit
            turn = step(plan, turn.session, Digit(digit=digit), scene)
            if turn.outcome is not None or turn.session.playing:
                break
    return pressed


def _answer(node: Menu | Gather, turn: Turn, chance: Random, *, slips: float) -> str:
    slip = chance.random() < slips
    match node:
        case Menu():
            return _key(node, chance, slip=slip)
        case Gather() if turn.session.answer is not None:
            return CORRECT_KEY if slip else CONFIRM_KEY
        case Gather():
            return _typed(node, chance, slip=slip)
        case unknown:
            assert_never(unknown)


def _key(menu: Menu, chance: Random, *, slip: bool) -> str:
    """One of the menu's keys, seldom one that ends the call; or one that is none."""
    if slip and (wrong := sorted(DECIMAL - set(menu.keys))):
        return chance.choice(wrong) * menu.digits
    ending = sorted(key for key, outcome in menu.keys.items() if isinstance(outcome, HangUp))
    onward = sorted(set(menu.keys) - set(ending))
    keys = ending if ending and (not onward or chance.random() < ENDS) else onward
    key = chance.choice(keys)
    return key if len(key) == menu.digits else key + TERMINATOR


def _typed(node: Gather, chance: Random, *, slip: bool) -> str:
    """A valid answer, with the finish key where it takes one. Empty where none is found by guessing."""
    shortest = node.max_digits if node.finish is None else node.min_digits
    if slip:
        return _ended(node, "0" * node.min_digits)
    for _ in range(MAX_GUESSES):
        guess = _guess(node, chance, length=chance.randint(shortest, node.max_digits))
        if node.min_digits <= len(guess) <= node.max_digits and _is_valid(node, guess):
            return _ended(node, guess)
    return ""


def _guess(node: Gather, chance: Random, *, length: int) -> str:
    if isinstance(node.valid, Within):
        return str(chance.randint(node.valid.low, node.valid.high))
    return "".join(chance.choice("0123456789") for _ in range(length))


def _is_valid(node: Gather, guess: str) -> bool:
    match node.valid:
        case Matching(pattern=pattern):
            return re.fullmatch(pattern, guess) is not None
        case KnownZip():
            return known_zip(guess)
        case Within() | None:
            return True
        case unknown:
            assert_never(unknown)


def _ended(node: Gather, answer: str) -> str:
    return answer if len(answer) == node.max_digits or node.finish is None else answer + node.finish
