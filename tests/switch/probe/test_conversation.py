"""What the probe's phone does and when, to the millisecond, without a phone."""

import pytest

from switch.probe import conversation as c
from switch.probe.conversation import Conversation, Does, Script

SCRIPT = Script(keys=",1", echoes="5", talk_ms=5_000, answer_ms=30_000)


def ticks(talk: Conversation, *at_ms: int) -> list[str]:
    """What it is told at those moments."""
    return [command.do.value + command.digits + f"@{each}" for each in at_ms for command in talk.feed(c.Tick(at_ms=each))]


def answered(script: Script = SCRIPT, *, at_ms: int = 1_000) -> Conversation:
    talk = Conversation(script)
    assert talk.feed(c.Calling(at_ms=0)) == ()
    assert talk.feed(c.Rang(at_ms=200, code=180)) == ()
    assert talk.feed(c.Answered(at_ms=at_ms)) == ()
    return talk


def test_keys_are_pressed_after_their_pauses_and_then_it_listens_and_speaks() -> None:
    talk = answered()
    # the comma is two seconds, the key 400 ms; keys for their echo follow half a second into the talk
    seen = ticks(talk, 1_000, 2_999, 3_000, 3_399, 3_400, 3_899, 3_900, 8_399, 8_400)
    assert seen == ["press1@3000", "record@3400", "speak@3400", "press5@3900", "hangup@8400"]
    assert talk.facts.talk_ms == 5_000


def test_without_keys_it_listens_at_once() -> None:
    talk = answered(Script(keys="", echoes="", talk_ms=1_000, answer_ms=30_000))
    assert ticks(talk, 1_000, 1_999, 2_000) == ["record@1000", "speak@1000", "hangup@2000"]


def test_it_cancels_what_nobody_answers_at_the_limit_and_not_before() -> None:
    talk = Conversation(SCRIPT)
    talk.feed(c.Rang(at_ms=200, code=180))
    assert ticks(talk, 29_999) == []
    assert not talk.facts.gave_up
    assert ticks(talk, 30_000, 30_100) == ["hangup@30000"]
    assert talk.facts.gave_up


def test_a_phone_whose_call_does_not_end_is_told_to_quit() -> None:
    talk = answered(Script(keys="", echoes="", talk_ms=1_000, answer_ms=30_000))
    ticks(talk, 1_000, 2_000)
    assert ticks(talk, 2_000 + c.END_MS - 1, 2_000 + c.END_MS) == [f"quit@{2_000 + c.END_MS}"]
    assert talk.facts.ended_ms is None


def test_the_first_sign_of_life_counts_and_an_answer_is_one() -> None:
    ringing = answered()
    ringing.feed(c.Rang(at_ms=900, code=183))
    assert (ringing.facts.pdd_ms, ringing.facts.answer_ms) == (200, 1_000)
    silent = Conversation(SCRIPT)
    silent.feed(c.Answered(at_ms=700))
    assert silent.facts.pdd_ms == 700


def test_only_keys_that_are_heard_in_the_last_part_count() -> None:
    talk = answered()
    talk.feed(c.Digit(at_ms=2_000, digit="9"))
    ticks(talk, 3_400)
    talk.feed(c.Digit(at_ms=4_000, digit="5"))
    assert talk.facts.digits == "5"


def test_a_far_end_that_hangs_up_ends_it() -> None:
    talk = answered()
    ticks(talk, 3_400)
    talk.feed(c.Bye(at_ms=6_000, by="line", code=200))
    (told,) = talk.feed(c.Over(at_ms=6_000, code=200, reason="OK", sip_call_id="x"))
    assert told.do is Does.QUIT
    assert (talk.facts.bye_by, talk.facts.ended_ms, talk.facts.talk_ms) == ("line", 6_000, 2_600)


def test_a_refusal_is_its_code_and_an_answered_call_is_200_however_it_ends() -> None:
    refused = Conversation(SCRIPT)
    refused.feed(c.Over(at_ms=90, code=486, reason="Busy Here", sip_call_id="x"))
    assert (refused.facts.code, refused.facts.reason) == (486, "Busy Here")
    talk = answered()
    talk.feed(c.Over(at_ms=9_000, code=408, reason="Request Timeout", sip_call_id="x"))
    assert talk.facts.code == 200


def test_the_same_error_is_told_once() -> None:
    talk = answered()
    for _ in range(3):
        talk.feed(c.Error(at_ms=1, what="no such codec"))
    assert talk.facts.errors == ("no such codec",)


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (b'{"event": "rang", "at_ms": 5, "code": 183}', c.Rang(at_ms=5, code=183)),
        (b'{"event": "bye", "at_ms": 5, "by": "line", "code": 200}', c.Bye(at_ms=5, by="line", code=200)),
        (b'{"event": "tick", "at_ms": 100}', c.Tick(at_ms=100)),
    ],
)
def test_what_the_phone_writes_is_read(line: bytes, event: c.PhoneEvent) -> None:
    assert c.decode_phone_event(line) == event
