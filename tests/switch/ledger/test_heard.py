"""What ears heard, in the ledger and as it is shown."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from audio import at_dbm0, noise

from media.dsp.ears import Ears
from media.dsp.g711 import Samples
from media.dsp.heard import Verdict
from media.dsp.tones import silence
from media.listening import HeardSide, TalkHeard
from routing.zone import time_zone
from switch.billing.verdict import JudgedCall
from switch.cli.listing import CallFilter, show_calls
from switch.explain import explanation_lines
from switch.explanation import Sources, explain
from switch.ledger.heard_rows import heard_rows
from switch.ledger.store import Ledger

Judge = Callable[[str], JudgedCall]


def side(samples: Samples, *, unheard: int = 0) -> HeardSide:
    ears = Ears()
    ears.hear(samples)
    return HeardSide(heard=ears.heard(), frames_unheard=unheard)


def heard(call_id: str, *, started_us: int = 1, one_way: Verdict = "unknown") -> TalkHeard:
    caller, line = side(noise(12_000, -25), unheard=2), side(at_dbm0((2100,), 3_000))
    return TalkHeard(call_id=call_id, attempt=1, started_us=started_us, caller=caller, line=line, one_way=one_way)


def test_what_is_written_is_read(ledger: Ledger) -> None:
    rows = (*heard_rows(heard("a", started_us=5)), *heard_rows(heard("a")), *heard_rows(heard("b")))
    ledger.add_heard(rows)
    ledger.add_heard(heard_rows(heard("a", one_way="yes")))  # the same once more: the first stays
    found = ledger.heard_of(["a", "b", "c"])
    assert set(found) == {"a", "b"}
    assert [(row.started_us, row.side) for row in found["a"]] == [(1, "caller"), (1, "line"), (5, "caller"), (5, "line")]
    assert list(found["b"]) == list(heard_rows(heard("b")))


def test_calls_shows_it(ledger: Ledger, judged: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    ledger.write([judged("a"), judged("b")])
    ledger.add_heard(heard_rows(heard("a")))
    show_calls(ledger, CallFilter(), limit=9, clock=time_zone("UTC"), as_json_lines=True)
    shown = {call["call_id"]: call["ears"] for call in map(json.loads, capsys.readouterr().out.splitlines())}
    assert shown["b"] == []
    caller, line = shown["a"]
    assert (caller["side"], caller["speaks"], caller["speech_ratio"], caller["frames_unheard"]) == ("caller", "unknown", None, 2)
    assert (line["side"], line["tones"][0]["name"], line["duration_ms"]) == ("line", "fax_answer", 3_000)
    assert "call_id" not in line


def test_explain_shows_it(judged: Judge) -> None:
    quiet = TalkHeard(
        call_id="a", attempt=1, started_us=1, caller=side(silence(12_000)), line=side(at_dbm0((2100,), 3_000)), one_way="yes"
    )
    call = judged("a")
    call = replace(call, record=replace(call.record, trail=()))
    found = explain(call, rows=(), config=Sources(), heard=(*heard_rows(heard("a")), *heard_rows(quiet)))
    lines = [each for each in explanation_lines(found, time_zone("UTC")) if each.startswith(("heard", "  one-way"))]
    assert lines == [
        "heard of the caller in 12.000 s of talk: speech unknown, an unknown share of the time, -25 dBm0, 2 frames unheard",
        "heard of the line in 3.000 s of talk: speech no, 0 % of the time, -15 dBm0, fax answer",
        "  one-way audio: unknown",
        "heard of the caller in 12.000 s of talk: speech no, 0 % of the time, -120 dBm0, silent for the first 12.000 s, dead air 12.000 s",
        "heard of the line in 3.000 s of talk: speech no, 0 % of the time, -15 dBm0, fax answer",
        "  one-way audio: yes",
    ]
    assert [each["side"] for each in found.as_json()["ears"]] == ["caller", "line"] * 2  # type: ignore[attr-defined]
