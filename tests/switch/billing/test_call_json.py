"""The JSON of a judged call: every key, in its order, with plain values."""

import json

from leg_figures import figures

from switch.billing.call_json import as_json
from switch.billing.verdict import JudgedCall, Verdict
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome

START_US = 1_772_373_600_123_456  # 2026-03-01T14:00:00.123456Z

JUDGED = JudgedCall(
    record=CallRecord(
        call_id="c1",
        did="+18005550100",
        ani="+12125550199",
        trunk="carrier",
        publisher="radio-one",
        campaign="auto",
        final_state=FinalState.CONVERTED,
        invited_us=START_US,
        answered_us=START_US + 1_000,
        ended_us=START_US + 100_000_000,
        ended_by=EndedBy.CALLER,
        ended_detail="caller_hung_up",
        sip_code=200,
        total_ms=99_999,
        menu_ms=4_000,
        connected_ms=91_234,
        duration_source=DurationSource.MONOTONIC,
        attempts=(
            AttemptRecord(
                number=1,
                line="east",
                advertiser="acme",
                campaign="auto",
                outcome=Outcome.BUSY,
                sip_code=486,
                q850=17,
                invited_us=START_US,
                answered_us=None,
                ended_us=START_US + 876_544,
                answer_delay_ms=None,
                connected_ms=0,
            ),
            AttemptRecord(
                number=2,
                line="west",
                advertiser="acme",
                campaign="auto",
                outcome=Outcome.ANSWERED,
                sip_code=200,
                q850=None,
                invited_us=START_US + 2_000_000,
                answered_us=START_US + 3_000_000,
                ended_us=START_US + 96_234_000,
                answer_delay_ms=1_000,
                connected_ms=91_234,
                priority=2,
                talk_us=START_US + 5_000_000,
                talk_ended_us=START_US + 96_234_000,
                accepted=True,
                ended_by=EndedBy.LINE,
                repeat=True,
            ),
        ),
        digits="1",
        tags={"interest": "quote"},
        menu_done=True,
        config="v1",
        seed=7,
        trail=({"rule": "lines.east", "verdict": "eligible: attempt", "read": {"line:east": 0}},),
    ),
    verdict=Verdict(
        billable=True,
        rule="the rule",
        why="why so",
        revenue_micros=25_000_000,
        payout_micros=18_000_000,
        paid=True,
        cost_micros=14_000,
        near_miss=True,
    ),
)

EXPECTED = """{
  "call_id": "c1",
  "did": "+18005550100",
  "ani": "+12125550199",
  "trunk": "carrier",
  "publisher": "radio-one",
  "campaign": "auto",
  "final_state": "converted",
  "invited_at": "2026-03-01T14:00:00.123Z",
  "answered_at": "2026-03-01T14:00:00.124Z",
  "ended_at": "2026-03-01T14:01:40.123Z",
  "ended_by": "caller",
  "sip_code": 200,
  "total_ms": 99999,
  "menu_ms": 4000,
  "connected_ms": 91234,
  "attempts": [
    {
      "number": 1,
      "line": "east",
      "advertiser": "acme",
      "campaign": "auto",
      "outcome": "busy",
      "sip_code": 486,
      "q850": 17,
      "invited_at": "2026-03-01T14:00:00.123Z",
      "answered_at": null,
      "ended_at": "2026-03-01T14:00:01.000Z",
      "answer_delay_ms": null,
      "connected_ms": 0,
      "priority": 1,
      "talk_at": null,
      "talk_ended_at": null,
      "accepted": null,
      "ended_by": null,
      "repeat": false,
      "pdd_ms": null,
      "sip_call_id": null,
      "heard": null,
      "both_heard_at": null
    },
    {
      "number": 2,
      "line": "west",
      "advertiser": "acme",
      "campaign": "auto",
      "outcome": "answered",
      "sip_code": 200,
      "q850": null,
      "invited_at": "2026-03-01T14:00:02.123Z",
      "answered_at": "2026-03-01T14:00:03.123Z",
      "ended_at": "2026-03-01T14:01:36.357Z",
      "answer_delay_ms": 1000,
      "connected_ms": 91234,
      "priority": 2,
      "talk_at": "2026-03-01T14:00:05.123Z",
      "talk_ended_at": "2026-03-01T14:01:36.357Z",
      "accepted": true,
      "ended_by": "line",
      "repeat": true,
      "pdd_ms": null,
      "sip_call_id": null,
      "heard": null,
      "both_heard_at": null
    }
  ],
  "billable": true,
  "rule": "the rule",
  "revenue_micros": 25000000,
  "payout_micros": 18000000,
  "ended_detail": "caller_hung_up",
  "duration_source": "monotonic",
  "digits": "1",
  "tags": {
    "interest": "quote"
  },
  "menu_done": true,
  "config": "v1",
  "seed": 7,
  "trail": [
    {
      "rule": "lines.east",
      "verdict": "eligible: attempt",
      "read": {
        "line:east": 0
      }
    }
  ],
  "sip_call_id": null,
  "probe": false,
  "why": "why so",
  "paid": true,
  "cost_micros": 14000,
  "near_miss": true
}"""


def test_every_key_in_its_order() -> None:
    assert json.dumps(as_json(JUDGED), indent=2) == EXPECTED


def test_the_values_are_plain() -> None:
    call = as_json(JUDGED)
    assert type(call["final_state"]) is str
    assert json.loads(json.dumps(call)) == call


def test_figures_of_audio_come_with_it_where_they_are_asked_for() -> None:
    assert "media" not in as_json(JUDGED)
    assert as_json(JUDGED, media=())["media"] == []
    (leg,) = json.loads(json.dumps(as_json(JUDGED, media=[figures()])))["media"]
    assert (leg["leg"], leg["codec"], leg["received_lost_share"], leg["round_trip_ms"]) == (0, "PCMU", 0.01, 40.25)
