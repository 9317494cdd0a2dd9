"""Why a call went where it went, from its record alone: every rule with the line of the config that says it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from leg_figures import figures, without_far_end

from switch.billing.verdict import JudgedCall
from switch.call import command, event
from switch.call.leg_media import LegMedia
from switch.console import read_text
from switch.explain import command_words, event_words, explanation_lines
from switch.explanation import Sources, explain, sources
from switch.settings.load import load
from switch.simulation.call_script import CallScript, LineScript
from switch.simulation.simulator import Simulator

SAMPLE = Path(__file__).parents[2] / "config"
CHICAGO = ZoneInfo("America/Chicago")
NOON_US = 1_772_474_400_000_000  # 2026-03-02T18:00:00Z, a Monday: noon in Chicago


def medicare() -> JudgedCall:
    """A call from Texas that converts."""
    deployment = load(SAMPLE).deployment
    assert deployment is not None
    script = CallScript(
        call_id="c1",
        did="+18005550103",
        ani="+12145550123",
        trunk="demo-carrier",
        at_us=NOON_US,
        seed=7,
        digits="170#733011",
        conduct=lambda _: LineScript(talk_ms=95_000),
    )
    (judged,) = Simulator(deployment.plan, noting=True).play([script])
    return judged


def kept() -> Sources:
    return sources(load(SAMPLE).files)


def test_each_rule_is_told_with_its_file_and_the_line_that_stands_there() -> None:
    text = list(explanation_lines(explain(medicare(), rows=(), config=kept()), CHICAGO))
    filtered = next(number for number, line in enumerate(text) if "campaigns.medicare.filter: match" in line)
    assert "(age 70, consent yes)" in text[filtered]
    assert text[filtered + 1].split(maxsplit=1)[1] == "filter: age >= 64 and consent"
    assert text[filtered + 1].split()[0].startswith("medicare.yaml:")
    assert any("seed 7" in line for line in text)
    assert any("12:00:" in line and line.endswith("routing: dial delta-texas") for line in text)


def test_every_ruling_has_its_own_reasons() -> None:
    moments = explain(medicare(), rows=(), config=kept()).moments
    rulings = [moment for moment in moments if moment.event == "Ruled"]
    assert [moment.facts["choice"] for moment in rulings] == ["EnterMenu medicare", "Dial delta-texas"]
    assert all(moment.reasons[0].rule == "numbers.+18005550103" for moment in rulings)


def test_money_is_told_with_what_became_of_it() -> None:
    judged = medicare()
    text = "\n".join(explanation_lines(explain(judged, rows=judged.verdict.rows, config=kept()), CHICAGO))
    assert "revenue 32.00 delta" in text
    assert "payout 19.20 search-two" in text
    assert "held until 2026-03-09" in text


def test_a_config_that_was_not_kept_is_said_and_nothing_is_lost() -> None:
    explained = explain(medicare(), rows=(), config=sources(None))
    text = list(explanation_lines(explained, CHICAGO))
    assert any("not in the ledger" in line for line in text)
    assert any("campaigns.medicare.filter: match" in line for line in text)
    assert json.loads(json.dumps(explained.as_json()))["config_kept"] is False


def test_a_record_from_before_events_were_kept_still_says_why() -> None:
    text = list(explanation_lines(explain(replace(medicare(), events=()), rows=(), config=kept()), CHICAGO))
    assert any("campaigns.medicare.filter: match" in line for line in text)


def test_no_event_and_no_command_is_told_by_the_name_of_its_class() -> None:
    parties = ("the caller", "east")
    arguments = {
        "Dial": "1 east",
        "Play": "1 welcome",
        "HangUp": "1 caller_hung_up",
        "Refuse": "busy",
        "Transfer": "1 sip:desk@198.51.100.7",
        "RefuseTransfer": "1 403",
        "EndTransfer": "1 486",
        "AskRoute": "",
        "StopPlay": "",
        "StartRecording": "both wav",
        **dict.fromkeys(("PauseRecording", "ResumeRecording", "StopRecording"), ""),
    }
    for kind in get_args(command.Command):
        name = kind.__name__
        words = command_words(f"{name} {arguments.get(name, '1')}".strip(), parties)
        assert name not in words, words
    for kind in get_args(event.Event):
        words = event_words(kind.__name__, {"leg": 1, "choice": "Dial east"}, parties, CHICAGO)
        assert kind.__name__ not in words, words


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("Wait capped 2", "the caller is held as number 2 in line: capped"),
        ("Wait no_answer", "the caller is held: no answer"),  # of an older build
    ],
)
def test_a_held_caller_is_told_with_its_place(choice: str, told: str) -> None:
    assert told in event_words("Ruled", {"choice": choice}, ("the caller",), CHICAGO)


def test_caps_that_are_given_back_are_told_with_their_line() -> None:
    text = "\n".join(explanation_lines(explain(medicare(), rows=(), config=kept()), CHICAGO))
    assert "-> frees the caps of delta-texas" in text


def test_what_was_read_of_one_line_is_told_with_its_name() -> None:
    read = {
        "resting_until_us/east": 0,
        "resting_until_us/west": NOON_US,
        "is_down/east": 1,
        "last_attempt_us/east": 0,
        "waiting/quotes": 3,
    }
    assert read_text(read, CHICAGO) == (
        "east not resting, west resting until 2026-03-02 12:00:00, east is down 1, east last attempt never, quotes waiting 3"
    )


def audio(*media: LegMedia) -> list[str]:
    text = list(explanation_lines(explain(medicare(), rows=(), config=kept(), media=media), CHICAGO))
    if "audio" not in text:
        return []
    start = text.index("audio") + 1
    return text[start : next(number for number, line in enumerate(text) if line.startswith("money:"))]


def test_audio_is_told_by_leg_and_direction() -> None:
    assert audio(figures(), without_far_end(leg=1, unheard=0, malformed=0, received_jitter_ms=None, received_mos=None)) == [
        "  from the caller (PCMU): 2970 packets, 30 lost (1.0 %), jitter 1.2 ms, longest gap 60 ms, narrowband MOS 4.3",
        "  to the caller: 3000 packets, 150 lost (5.0 %), jitter 2.5 ms, narrowband MOS 3.9, round trip 40 ms",
        "    dropped: 3 of no agreed payload type, 1 that are no RTP",
        "  from delta-texas (PCMU): 2970 packets, 30 lost (1.0 %), longest gap 60 ms",
        "  to delta-texas: 3000 packets, which it did not report on",
    ]


def test_a_score_is_told_with_its_scale_for_two_are_not_to_be_compared() -> None:
    (received, sent, *_) = audio(figures(codec="G722"))
    assert received.endswith("wideband MOS 4.3")
    assert ", wideband MOS 3.9, round trip" in sent


def test_where_nothing_is_known_of_audio_nothing_is_said() -> None:
    assert audio() == []


def test_figures_are_as_plain_as_the_rest() -> None:
    shown = explain(medicare(), rows=(), config=kept(), media=[figures()]).as_json()
    assert json.loads(json.dumps(shown["media"]))[0]["sent_lost_share"] == 0.05
