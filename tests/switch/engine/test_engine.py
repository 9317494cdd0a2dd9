"""The engine in a simulated world: real SIP agents around it, one clock, one seed."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import engine_world as ew
import pytest
from engine_world import EAST, MENU, STRANGER, WEST, World, line, plan

from media import control as mc
from routing import table as rt
from switch.call import machine
from switch.call.record import EndedBy, FinalState, Outcome
from switch.engine import call_runner
from switch.engine.effect import SendSip
from switch.engine.journal_line import recover_call
from switch.sip import offer_answer
from switch.sip.fact import AnswerReceived, LegTerminated
from switch.sip.message import Headers, Request, Response, parse, serialize
from switch.sip.peer import DEFAULT_PEER


def quiet(world: World) -> None:
    """Let every timer run out, then nothing may be left of any call."""
    world.run(120_000)
    assert world.engine.live_calls == 0
    assert set(world.sip.live_counts().values()) == {0}
    opened = {order.port for order in world.told(mc.Open)}
    closed = {order.port for order in world.told(mc.Close)}
    assert opened == closed


def test_answered_past_the_threshold_is_billable() -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    world.line_phone(EAST)
    world.call(hang_up_ms=20_000)
    world.run(500)
    world.press("1")
    quiet(world)
    (judged,) = world.records
    assert judged.verdict.billable
    assert judged.verdict.revenue_micros == 25_000_000
    assert judged.verdict.payout_micros == 18_000_000
    assert judged.record.final_state is FinalState.CONVERTED
    assert judged.record.ended_by is EndedBy.CALLER
    assert judged.record.digits == "1"
    assert judged.record.attempts[0].answer_delay_ms == 1_000 + 10  # there and back at 5 ms each
    assert world.told(mc.Bridge)


def test_what_the_line_does_not_count_moves_the_threshold() -> None:
    """Ten seconds are owed for, two do not count: the journal has a heartbeat at exactly twelve."""
    world = World(plan(line("east", EAST, timer_offset_ms=2_000)))
    world.line_phone(EAST)
    world.call(hang_up_ms=60_000)
    world.run(13_500)
    recorded = recover_call([payload for _, payload in world.journal])
    assert recorded.record.connected_ms == 10_000
    assert recorded.verdict.billable


def test_the_same_address_again_tells_the_worker_nothing() -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    world.call()
    world.run(100)
    aims = world.told(mc.SetRemote)
    same = offer_answer.offer(host="198.51.100.8", port=6_000, session_id=1, version=2).decode()
    reinvite(world, same)
    assert b"200 OK" in _sent(world)[-1]
    assert world.told(mc.SetRemote) == aims


def test_the_bridge_stands_only_once_the_answer_is_on_disk() -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.sync_ms = None
    world.call()
    world.run(4_000)
    assert not world.told(mc.Bridge)
    assert not world.answered()
    world.run(10_000)
    (judged,) = world.records
    assert judged.record.sip_code == 503
    assert judged.record.connected_ms == 0
    quiet(world)


def test_busy_line_then_the_next() -> None:
    world = World(plan(line("east", EAST), line("west", WEST)))
    world.line_phone(EAST, status=486)
    world.line_phone(WEST, talk_ms=3_000)
    world.call()
    quiet(world)
    (judged,) = world.records
    assert [attempt.outcome for attempt in judged.record.attempts] == [Outcome.BUSY, Outcome.ANSWERED]
    assert judged.record.ended_by is EndedBy.LINE
    assert not judged.verdict.billable


def test_a_line_without_a_phone_is_silent_and_given_up_early() -> None:
    world = World(plan(line("east", EAST, silence_ms=2_000), line("west", WEST)))
    world.line_phone(WEST)
    world.call(hang_up_ms=20_000)
    quiet(world)
    (judged,) = world.records
    assert [attempt.outcome for attempt in judged.record.attempts] == [Outcome.SILENT, Outcome.ANSWERED]
    assert judged.record.attempts[1].invited_us - judged.record.invited_us == 2_000_000


def test_a_line_that_answers_after_the_record_is_written_is_ended_and_keeps_its_slot_until_then() -> None:
    world = World(plan(line("east", EAST, limit=1, silence_ms=1_000)))
    world.call()
    world.run(8_000)  # given up after a second of silence
    assert [judged.record.final_state for judged in world.records] == [FinalState.FAILED]
    world.call()
    world.run(100)
    assert world.records[1].record.final_state is FinalState.CAPPED
    late = world.line_phone(EAST, answer_ms=0)
    invite = next(data for data in _sent(world) if data.startswith(b"INVITE"))  # the network held it for 8 seconds
    late.agent.receive(invite, ew.SWITCH, world.now_ns, peer=DEFAULT_PEER)
    quiet(world)
    assert [fact.why.value for fact in late.facts if isinstance(fact, LegTerminated)] == ["bye"]
    assert len(world.records) == 2


def test_a_phone_that_comes_up_after_its_call_was_given_up_is_not_called() -> None:
    world = World(plan(line("east", EAST, silence_ms=1_000)))
    world.call()
    world.run(8_000)
    late = world.line_phone(EAST, answer_ms=0)
    quiet(world)
    assert late.facts == []


def test_unknown_number_is_404_with_a_record() -> None:
    world = World(plan(line("east", EAST)))
    world.call(did="+18005559999")
    quiet(world)
    (judged,) = world.records
    assert judged.record.final_state is FinalState.REJECTED_UNKNOWN_NUMBER
    assert judged.record.sip_code == 404
    assert world.endings()[0].status == 404


def test_stranger_gets_silence_and_no_record() -> None:
    world = World(plan(line("east", EAST)))
    stranger = world.phone(STRANGER, lambda _: None)
    stranger.agent.invite(uri="sip:+18005550100@192.0.2.1", target=ew.SWITCH, caller="1", body=b"", now_ns=world.now_ns)
    world.run(40_000)
    assert not world.records
    assert [fact.why.value for fact in stranger.facts if isinstance(fact, LegTerminated)] == ["timeout"]


def test_an_offer_we_can_not_serve_is_488_with_a_record() -> None:
    world = World(plan(line("east", EAST)))
    world.call(body=b"v=0\r\no=- 1 1 IN IP4 198.51.100.8\r\ns=-\r\nc=IN IP4 198.51.100.8\r\nt=0 0\r\nm=audio 6000 RTP/AVP 9\r\n")
    quiet(world)
    (judged,) = world.records
    assert judged.record.sip_code == 488
    assert judged.record.final_state is FinalState.REJECTED_NOT_ACCEPTABLE


def test_an_invite_that_sip_refuses_has_a_record_too() -> None:
    world = World(plan(line("east", EAST)))
    fields = {"Via": "SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bK1", "From": "<sip:1@c>;tag=a", "To": "<sip:18005550100@s>"}
    fields |= {"Call-ID": "x", "CSeq": "1 INVITE", "Contact": "<sip:198.51.100.7:5080>", "Require": "path"}
    invite = Request(method="INVITE", uri="sip:18005550100@192.0.2.1", headers=Headers(fields.items()))
    world.engine.datagram(serialize(invite), ew.CARRIER, world.at())
    quiet(world)
    (judged,) = world.records
    assert judged.record.sip_code == 420
    assert judged.record.ended_detail == "bad_extension"
    assert b"Unsupported: path" in _sent(world)[-1]


def test_unwritable_ledger_refuses_new_calls_and_spares_those_in_progress() -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.call(hang_up_ms=30_000)
    world.run(5_000)
    world.engine.ledger_writable(writable=False)
    world.call()
    world.run(5_000)
    assert [record.record.sip_code for record in world.records] == [503]
    world.engine.ledger_writable(writable=True)
    quiet(world)
    assert world.records[1].verdict.billable


def test_two_calls_at_once_never_share_the_last_slot() -> None:
    world = World(plan(line("east", EAST, limit=1)))
    world.line_phone(EAST)
    world.call(hang_up_ms=15_000)
    world.call(hang_up_ms=15_000)
    quiet(world)
    assert sorted(judged.record.final_state.value for judged in world.records) == ["capped", "converted"]


def test_all_capped_overflows_to_the_message() -> None:
    overflow = {rt.NoRoute.CAPPED: rt.ToMessage(prompt="all-busy")}
    world = World(plan(line("east", EAST, limit=1), overflow=overflow))
    world.line_phone(EAST)
    world.call(hang_up_ms=15_000)
    world.run(100)
    world.call()
    quiet(world)
    assert world.told(mc.Play) == [mc.Play(port=20_004, play=1, prompt="all-busy")]
    states = sorted(judged.record.final_state.value for judged in world.records)
    assert states == ["capped", "converted"]


@pytest.mark.parametrize(("per_second", "refused"), [(2, 0), (1, 1), (None, 0)])
def test_a_reload_changes_how_many_new_calls_a_second_are_taken(per_second: int | None, refused: int) -> None:
    before = replace(plan(line("east", EAST)), calls_per_second=2)
    world = World(before)
    world.line_phone(EAST)
    world.engine.reload(replace(before, calls_per_second=per_second, version="new"))
    for _ in range(2):
        world.call(hang_up_ms=3_000)
    world.run(60_000)
    assert [judged.record.ended_detail for judged in world.records].count("overload") == refused


def test_a_reload_leaves_calls_in_progress_on_their_plan() -> None:
    world = World(plan(line("east", EAST), menu=MENU, version="old"))
    world.line_phone(EAST)
    world.line_phone(WEST)
    world.call(hang_up_ms=15_000)
    world.run(100)
    world.engine.reload(plan(line("west", WEST), menu=MENU, version="new"))
    world.press("1")
    quiet(world)
    world.call(hang_up_ms=15_000)
    world.run(100)
    world.press("1")
    quiet(world)
    assert [(judged.record.config, judged.record.attempts[0].line) for judged in world.records] == [
        ("old", "east"),
        ("new", "west"),
    ]


def test_the_worker_dies_and_its_calls_end_with_a_record() -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.call()
    world.run(6_000)
    world.engine.worker_lost(1, world.at())
    world.call()
    world.run(100)
    assert world.records[0].record.sip_code == 503  # nobody to carry its audio
    world.engine.report(2, mc.Ready(pid=2), world.at())
    world.call(hang_up_ms=20_000)
    world.run(120_000)
    assert [judged.record.ended_detail for judged in world.records] == ["media_failed", "media_failed", "caller_hung_up"]
    assert world.records[2].verdict.billable


def test_lost_media_ends_talk_at_the_last_packet_and_the_call_at_its_bye() -> None:
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST)
    world.call()
    world.run(30_000)
    port = world.told(mc.Open)[0].port  # the line's: a caller without a menu is answered last
    world.report(mc.MediaTimeout(port=port, last_ns=8_000_000_000))
    quiet(world)
    (judged,) = world.records
    assert judged.record.ended_by is EndedBy.MEDIA_TIMEOUT
    (attempt,) = judged.record.attempts
    assert attempt.talk_ended_us == ew.START_US + 8_000_000
    assert judged.record.ended_us == ew.START_US + 30_000_000
    assert judged.record.connected_ms < 8_000 < judged.record.total_ms


def test_a_port_that_can_not_be_bound_ends_the_call_with_a_record() -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    world.call()
    world.run(100)
    world.report(mc.OpenFailed(port=world.told(mc.Open)[0].port, why="in use"))
    quiet(world)
    assert world.records[0].record.ended_detail == "media_failed"


def test_a_broken_call_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    world.line_phone(EAST)
    world.call(hang_up_ms=30_000)
    world.run(100)
    world.press("1")
    world.run(2_000)
    world.call()
    world.run(100)

    def breaks(call: object, event: object) -> object:
        if type(event).__name__ == "DigitHeard":
            raise ZeroDivisionError
        return machine.advance(call, event)  # type: ignore[arg-type]

    monkeypatch.setattr(call_runner, "advance", breaks)
    world.press("5")
    quiet(world)
    assert [judged.record.ended_detail for judged in world.records] == ["broken", "caller_hung_up"]
    assert world.records[1].verdict.billable
    assert "ZeroDivisionError" in world.complaints[0].trace


def reinvite(world: World, sdp_lines: str) -> None:
    """The caller's phone sends a re-INVITE with this SDP in its established dialog."""
    answer = next(read for read in map(parse, _sent(world)) if isinstance(read, Response) and read.status == 200)
    head = answer.headers
    fields = [("Via", "SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bKhold"), ("Max-Forwards", "70")]
    fields += [(name, head.get(name) or "") for name in ("From", "To", "Call-ID")]
    fields += [("CSeq", "99 INVITE"), ("Contact", "<sip:198.51.100.7:5080>")]
    request = Request(method="INVITE", uri="sip:192.0.2.1", headers=Headers(fields), body=sdp_lines.encode())
    world.engine.datagram(serialize(request), ew.CARRIER, world.at())
    world.run(50)


def _sent(world: World) -> list[bytes]:
    return [effect.data for effect in world.effects if isinstance(effect, SendSip)]


def test_hold_and_an_offer_we_can_not_serve_inside_a_call() -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    world.call()
    world.run(100)
    held = "v=0\r\no=- 1 2 IN IP4 198.51.100.8\r\ns=-\r\nc=IN IP4 198.51.100.8\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=sendonly\r\n"
    reinvite(world, held)
    aim = world.told(mc.SetRemote)[-1]
    assert isinstance(aim, mc.SetRemote)
    assert (aim.peer.sends, aim.peer.receives) == (True, False)
    assert b"a=recvonly" in _sent(world)[-1]
    reinvite(world, held.replace("RTP/AVP 0", "RTP/AVP 9").replace("z9hG4bKhold", "z9hG4bKh2"))
    assert world.told(mc.SetRemote)[-1] == aim


def test_an_invite_without_sdp_is_answered_with_an_offer() -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    world.call(body=b"")
    world.run(100)
    (answered,) = [fact for fact in world.caller.facts if isinstance(fact, AnswerReceived)]
    assert b"m=audio 20000 RTP/AVP 0 8 101" in answered.body


def test_stop_ends_every_call_with_a_record() -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    world.line_phone(EAST)
    for _ in range(3):
        world.call()
    world.run(100)
    world.engine.stop(world.at())
    world.call()
    quiet(world)
    details = [judged.record.ended_detail for judged in world.records]
    assert sorted(details) == ["shutdown", "shutdown", "shutdown", "stopping"]


def test_more_calls_than_allowed_are_refused() -> None:
    world = World(plan(line("east", EAST), menu=MENU, max_calls=2))
    for _ in range(3):
        world.call()
    world.run(100)
    assert [judged.record.ended_detail for judged in world.records] == ["overload"]


def test_the_journal_alone_gives_the_same_record() -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    world.line_phone(EAST)
    world.call(hang_up_ms=20_000)
    world.run(500)
    world.press("1")
    quiet(world)
    (judged,) = world.records
    lines = [payload for call_id, payload in world.journal if call_id == judged.record.call_id]
    assert recover_call(lines) == judged


@pytest.mark.parametrize("seed", range(5))
def test_lines_that_the_journal_wrote_again_change_nothing(seed: int) -> None:
    """After a failed fsync some lines are there twice, and some only behind later ones."""
    world = World(plan(line("east", EAST), menu=MENU))
    world.line_phone(EAST)
    world.call(hang_up_ms=20_000)
    world.run(500)
    world.press("1")
    quiet(world)
    (judged,) = world.records
    lines = [payload for call_id, payload in world.journal if call_id == judged.record.call_id]
    again = [*lines, *lines[seed:]]
    Random(seed).shuffle(again)
    assert recover_call(again) == judged


def test_a_crash_after_any_line_loses_no_record_and_adds_no_second() -> None:
    world = World(plan(line("east", EAST), menu=MENU))
    world.line_phone(EAST)
    world.call(hang_up_ms=33_000)
    world.run(500)
    world.press("1")
    quiet(world)
    (judged,) = world.records
    lines = [payload for _, payload in world.journal]
    talks = []
    for cut in range(1, len(lines) + 1):
        found = recover_call(lines[:cut])
        assert found.record.call_id == judged.record.call_id
        assert found.record.connected_ms <= judged.record.connected_ms
        talks.append(found.record.connected_ms)
    assert talks == sorted(talks)
    assert all(later - earlier <= 5_000 for earlier, later in pairwise(talks))
    assert 10_000 in talks  # the mark: a crash right after it loses no conversion


def test_one_seed_one_day() -> None:
    def day() -> list[object]:
        world = World(plan(line("east", EAST, limit=2), menu=MENU), seed=5, loss=0.1, doubling=0.1, delay_ms=(1, 80))
        world.line_phone(EAST)
        for _ in range(5):
            world.call(hang_up_ms=20_000)
            world.run(1_000)
            world.press("1")
        world.run(150_000)
        return list(world.effects)

    assert day() == day()
