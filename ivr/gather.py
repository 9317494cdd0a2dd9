"""Knows how digits become an answer that is kept: how many, which are valid, and the read-back. Does not know where it leads."""

import re
from typing import assert_never

from msgspec.structs import replace

from ivr.menu import CONFIRM_KEY, CORRECT_KEY, DECIMAL, DIGIT_PROMPTS, Gather, KnownZip, Matching, MenuPlan, ReadBack, Within
from ivr.turn import Digit, Heard, PromptEnded, Scene, Session, TimedOut, Turn
from ivr.walk import fail, follow, learned, say
from routing.expression import Kind
from routing.geo import known_zip

MAX_CORRECTIONS = 3  # of what was read back, in one node; each one more is a failed try
MAX_ASKED = 2  # times whether one answer is right, before no clear reply is a failed try


def hear(plan: MenuPlan, session: Session, node: Gather, *, heard: Heard, scene: Scene) -> Turn:
    """What follows from `heard` while the caller is asked. Silence ends the answer; to a read-back it is no clear reply."""
    match heard:
        case PromptEnded():
            return Turn(session=replace(session, playing=False), wait_ms=node.timeout_ms)
        case TimedOut() if session.answer is not None:
            return _unclear(plan, session, node, scene=scene)
        case TimedOut():
            return _judge(plan, session, node, scene=scene)
        case Digit(digit=digit) if session.answer is not None:
            return _reply(plan, session, node, answer=session.answer, digit=digit, scene=scene)
        case Digit(digit=digit):
            return _press(plan, session, node, digit=digit, scene=scene)
        case unknown:
            assert_never(unknown)


def _press(plan: MenuPlan, session: Session, node: Gather, *, digit: str, scene: Scene) -> Turn:
    """A digit barges in, then completes an answer or is kept until one is complete."""
    if digit == node.finish:
        return _judge(plan, session, node, scene=scene)
    kept = replace(session, digits=session.digits + digit)
    if len(kept.digits) >= node.max_digits:
        return _judge(plan, kept, node, scene=scene)
    return Turn(session=replace(kept, playing=False), hush=session.playing, wait_ms=node.between_ms)


def _judge(plan: MenuPlan, session: Session, node: Gather, *, scene: Scene) -> Turn:
    if not _is_valid(node, session.digits):
        return fail(plan, session, node, scene=scene)
    if node.read_back is None:
        return _accept(plan, session, node, answer=session.digits, scene=scene)
    return say(replace(session, digits="", answer=session.digits, asked=1), _read_back(node.read_back, session.digits))


def _is_valid(node: Gather, digits: str) -> bool:
    if not node.min_digits <= len(digits) <= node.max_digits:
        return False
    if node.kind is Kind.NUMBER and not _is_number(digits):
        return False
    match node.valid:
        case None:
            return True
        case Within(low=low, high=high):
            return _is_number(digits) and low <= int(digits) <= high
        case Matching(pattern=pattern):
            return re.fullmatch(pattern, digits) is not None  # `re` keeps what it compiled
        case KnownZip():
            return known_zip(digits)
        case unknown:
            assert_never(unknown)


def _is_number(digits: str) -> bool:
    return bool(digits) and DECIMAL.issuperset(digits)


def _read_back(prompts: ReadBack, answer: str) -> tuple[str, ...]:
    return prompts.lead_in, *(DIGIT_PROMPTS[digit] for digit in answer if digit in DECIMAL), prompts.confirm


def _reply(plan: MenuPlan, session: Session, node: Gather, *, answer: str, digit: str, scene: Scene) -> Turn:
    """Right, not right, or neither. The finish key is pressed by habit after an answer that was complete without it: no reply."""
    if digit == CONFIRM_KEY:
        return _accept(plan, session, node, answer=answer, scene=scene)
    if digit == CORRECT_KEY and session.corrections < MAX_CORRECTIONS:
        again = replace(session, answer=None, asked=0, corrections=session.corrections + 1)
        return say(again, (node.prompt,))
    if digit == CORRECT_KEY:
        return fail(plan, session, node, scene=scene)
    if digit == node.finish:
        return Turn(session=session)
    return _unclear(plan, session, node, scene=scene)


def _unclear(plan: MenuPlan, session: Session, node: Gather, *, scene: Scene) -> Turn:
    if session.asked >= MAX_ASKED or node.read_back is None:
        return fail(plan, session, node, scene=scene)
    return say(replace(session, asked=session.asked + 1), (node.read_back.confirm,))


def _accept(plan: MenuPlan, session: Session, node: Gather, *, answer: str, scene: Scene) -> Turn:
    value = int(answer) if node.kind is Kind.NUMBER else answer
    return follow(plan, learned(session, {node.tag: value}), node.then, scene=scene)
