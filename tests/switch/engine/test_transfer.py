"""A line transfers its call by REFER: who hears whom, what the record says, and that nothing is left, however it ends."""

from dataclasses import replace
from typing import Any

import pytest
from engine_world import CARRIER, EAST, SWITCH, WEST, World, line, plan
from referring import send_refer

from media import control as mc
from switch.billing.verdict import JudgedCall, MoneyKind
from switch.call.record import AttemptRecord, EndedBy
from switch.call.transfer import MAX_TRANSFERS
from switch.engine import transfer as transfer_module
from switch.engine.journal_line import recover_call
from switch.engine.media import MediaController
from switch.sip import offer_answer
from switch.sip.fact import Fact, InviteReceived, OfferReceived
from switch.sip.flow import Flow
from switch.sip.locator import Locator
from switch.sip.message import Request, Response, parse
from switch.sip.peer import PeerProfile, TransferMode
from switch.sip.requests import Fields
from switch.sip.sdp import Direction, parse_sdp

DESK = Flow("198.51.100.31", 5060)
TO_DESK = f"sip:desk@{DESK.host}"
RING_MS = 12_000
ANSWERED_MS = 1_000
"""The line answers at once: the first three datagrams take 5 ms each, and the journal one more."""


class Transfer(World):
    """A caller talks with a line that may transfer calls to DESK. `said`: (from, to, what) of all that was sent, NOTIFY with its body."""

    def __init__(self, *, peer: TransferMode = TransferMode.FOLLOW, **campaign: Any) -> None:
        self.said: list[tuple[Flow, Flow, str]] = []
        self.asked: list[Direction] = []
        east = PeerProfile(name="east", redirects=(EAST.host, DESK.host), transfers=peer)
        config = plan(line("east", EAST, ring_ms=RING_MS), line("west", WEST), **campaign)
        super().__init__(replace(config, line_peers={"east": east}))
        self.east = self.line_phone(EAST, answer_ms=0)
        self.caller.on_fact = self._asks
        self.leg = self.call()
        self.run(ANSWERED_MS)
        assert len(self.told(mc.Bridge)) == 1

    def _asks(self, fact: Fact) -> None:
        """The caller accepts what it is offered."""
        if isinstance(fact, OfferReceived):
            description = parse_sdp(fact.offer)
            assert description is not None
            self.asked.append(description.media[0].direction)
            self.caller.agent.accept(fact.leg, self.sdp_answer(fact.offer), self.now_ns)

    def fly(self, data: bytes, source: Flow, target: Flow) -> None:
        message = parse(data)
        assert isinstance(message, Request | Response)
        method = (message.headers.get("CSeq") or "").partition(" ")[2]
        what = message.method if isinstance(message, Request) else f"{message.status} {method}"
        told = message.body.decode().strip().removeprefix("SIP/2.0 ")
        self.said.append((source, target, f"NOTIFY {told}" if what == "NOTIFY" else what))
        super().fly(data, source, target)

    # the line

    @property
    def east_leg(self) -> int:
        return next(fact.leg for fact in self.east.facts if isinstance(fact, InviteReceived))

    def refer(self, to: str = TO_DESK, *, wait_ms: int = 100, extra: Fields = ()) -> None:
        send_refer(self.east.agent, self.east_leg, to, self.now_ns, extra=extra)
        self.run(wait_ms)

    def leave(self, leg: int | None = None) -> None:
        """The caller, or the leg of the line's that is named, hangs up."""
        super().leave(self.leg if leg is None else leg)
        self.run(100)

    def line_leaves(self, *, wait_ms: int = 100) -> None:
        self.east.agent.hangup(self.east_leg, self.now_ns)
        self.run(wait_ms)

    def to_east(self) -> list[str]:
        """What the switch said to the line since its INVITE, but for answers to BYE."""
        said = [what for source, target, what in self.said if (source, target) == (SWITCH, EAST)]
        return [what for what in said if what not in {"INVITE", "ACK", "200 BYE"}]

    def heard_by(self, host: Flow) -> list[str]:
        return [what for _, target, what in self.said if target == host]

    def bridges(self) -> int:
        return len(self.told(mc.Bridge))

    # the end

    def over(self) -> JudgedCall:
        """All is quiet, and nothing is left but one record."""
        self.run(120_000)
        assert self.engine.live_calls == 0
        assert self.engine._calls._by_sip == {}
        assert self.engine._media._owners == {}
        assert set(self.sip.live_counts().values()) == {0}
        assert not self.complaints
        opened = [order.port for order in self.told(mc.Open)]
        assert sorted(opened) == sorted(order.port for order in self.told(mc.Close))
        assert all(set(phone.agent.live_counts().values()) == {0} for phone in self._phones.values())
        assert self.usage.caps.snapshot() == {}
        (judged,) = self.records
        return judged

    def attempt(self) -> AttemptRecord:
        judged = self.over()
        return judged.record.attempts[0]


def revenue(judged: JudgedCall) -> int:
    return sum(row.amount_micros for row in judged.verdict.rows if row.kind is MoneyKind.REVENUE)


def near(ms: int, wanted_ms: int) -> bool:
    """Within the time of a few datagrams."""
    return abs(ms - wanted_ms) <= 120


def test_the_target_takes_the_place_of_the_line_which_hangs_up() -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=2_000)
    line_port = world.told(mc.Bridge)[0].b
    world.refer()
    assert world.bridges() == 1  # the line is still heard
    world.run(2_500)
    assert world.to_east() == ["202 REFER", "NOTIFY 100 Trying", "NOTIFY 200 OK"]
    assert world.bridges() == 2
    assert world.told(mc.Bridge)[1].b != line_port
    assert line_port in [order.port for order in world.told(mc.Close)]
    world.line_leaves()
    assert world.records == []
    world.run(10_000)
    world.leave()
    tried = world.attempt()
    assert near(tried.connected_ms, ANSWERED_MS + 100 + 2_500 + 100 + 10_000)
    assert (tried.ended_by, tried.line) == (EndedBy.CALLER, "east")
    assert [event.event for event in world.records[0].events].count("TransferRequested") == 1


def test_a_line_that_stays_after_the_transfer_is_hung_up() -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=0)
    world.refer()
    world.run(6_000)
    assert "BYE" in world.to_east()
    assert world.records == []
    world.leave()
    assert world.over().record.ended_by is EndedBy.CALLER


def test_a_blind_transfer_goes_on_when_the_target_answers_and_counts_as_talk() -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=3_000)
    world.refer()
    world.line_leaves(wait_ms=2_000)
    assert world.told(mc.Ringback)
    assert world.usage.caps.snapshot()["line:east attempt live"] == 1
    (shown,) = world.engine.live_views().look()[0]
    assert (shown.state, shown.lines, shown.talk_us is not None) == ("transferring", ("east",), True)
    assert near((shown.since_us - shown.began_us) // 1_000, ANSWERED_MS + 100)
    world.run(5_000)
    assert world.bridges() == 2
    assert [view.state for view in world.engine.live_views().look()[0]] == ["talking"]
    world.leave()
    tried = world.attempt()
    assert near(tried.connected_ms, ANSWERED_MS + 100 + 7_000)
    assert world.records[0].record.connected_ms == tried.connected_ms
    assert "TransferorLeft" in [event.event for event in world.records[0].events]


@pytest.mark.parametrize("desk", ["busy", "never answers", "answers with nothing that can be heard", "is not there"])
def test_talk_ends_with_the_lines_bye_when_nobody_takes_a_blind_transfer(desk: str) -> None:
    world = Transfer()
    _desk(world, desk)
    world.refer()
    world.line_leaves()
    world.run(40_000)
    judged = world.over()
    tried = judged.record.attempts[0]
    assert near(tried.connected_ms, ANSWERED_MS + 100)
    assert (tried.ended_by, judged.record.ended_by, judged.record.ended_detail) == (EndedBy.LINE, EndedBy.LINE, "line_hung_up")
    assert len(judged.record.attempts) == 1


@pytest.mark.parametrize(
    ("desk", "status"),
    [("busy", "486 Busy Here"), ("never answers", "408 Request Timeout"), ("answers with nothing that can be heard", "488")],
)
def test_talk_with_the_line_goes_on_when_nobody_takes_the_call(desk: str, status: str) -> None:
    world = Transfer()
    _desk(world, desk)
    world.refer()
    world.run(RING_MS + 1_000)
    assert world.to_east()[:2] == ["202 REFER", "NOTIFY 100 Trying"]
    assert world.to_east()[2].startswith(f"NOTIFY {status}")
    assert world.bridges() == 1
    world.leave()
    assert near(world.attempt().connected_ms, ANSWERED_MS + 100 + RING_MS + 1_000)


def _desk(world: Transfer, conduct: str) -> None:
    match conduct:
        case "busy":
            world.line_phone(DESK, status=486)
        case "never answers":
            world.line_phone(DESK, answer_ms=None)
        case "answers with nothing that can be heard":

            def on_fact(fact: Fact) -> None:
                if isinstance(fact, InviteReceived):
                    world.after(500, lambda: phone.agent.answer(fact.leg, b"v=0\r\n", world.now_ns))

            phone = world.phone(DESK, on_fact)
        case _:
            pass


@pytest.mark.parametrize("line_is_there", [True, False])
def test_a_caller_that_hangs_up_while_the_target_rings_releases_all(*, line_is_there: bool) -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=None)
    world.refer()
    if not line_is_there:
        world.line_leaves()
    world.run(3_000)
    world.leave()
    assert "CANCEL" in world.heard_by(DESK)
    judged = world.over()
    tried = judged.record.attempts[0]
    assert judged.record.ended_by is EndedBy.CALLER
    assert near(tried.connected_ms, ANSWERED_MS + 100 + (3_000 if line_is_there else 0))
    assert tried.ended_by is (EndedBy.CALLER if line_is_there else EndedBy.LINE)


def test_an_answer_that_crosses_the_cancel_is_hung_up() -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=RING_MS)  # the ring ends as its 200 is on the way
    world.refer()
    world.run(RING_MS + 500)
    assert [what for what in world.heard_by(DESK) if what in {"CANCEL", "BYE"}] == ["CANCEL", "BYE"]
    world.leave()
    assert world.attempt().ended_by is EndedBy.CALLER


def test_so_many_transfers_are_followed_and_the_next_is_refused() -> None:
    world = Transfer()
    world.line_phone(DESK, status=486)
    for _ in range(MAX_TRANSFERS):
        world.refer()
    assert world.to_east().count("202 REFER") == MAX_TRANSFERS
    world.refer()
    assert world.to_east()[-1] == "403 REFER"
    assert world.to_east().count("202 REFER") == MAX_TRANSFERS
    world.leave()
    world.over()


def test_the_target_may_transfer_further() -> None:
    world = Transfer()
    desk = world.line_phone(DESK, answer_ms=0)
    world.refer()
    world.line_leaves()
    leg = next(fact.leg for fact in desk.facts if isinstance(fact, InviteReceived))
    second = world.line_phone(Flow(DESK.host, 5070), answer_ms=0)
    send_refer(desk.agent, leg, f"{TO_DESK}:5070", world.now_ns)
    world.run(100)
    assert world.bridges() == 3
    world.leave()
    assert world.attempt().ended_by is EndedBy.CALLER
    assert any(isinstance(fact, InviteReceived) for fact in second.facts)


@pytest.mark.parametrize("to", ["sip:desk@203.0.113.9", f"sip:desk@{CARRIER.host}", "http://x/", f"{TO_DESK}?Replaces=a"])
def test_a_transfer_elsewhere_is_refused_and_talk_goes_on(to: str) -> None:
    world = Transfer()
    world.refer(to)
    assert world.to_east() == ["403 REFER"]
    world.run(5_000)
    world.leave()
    assert near(world.attempt().connected_ms, ANSWERED_MS + 100 + 5_000)


def test_a_line_that_may_not_transfer_is_refused_and_talk_goes_on() -> None:
    world = Transfer(peer=TransferMode.REFUSE)
    world.refer()
    assert world.to_east() == ["403 REFER"]
    world.leave()
    assert near(world.attempt().connected_ms, ANSWERED_MS + 100)


def test_a_target_whose_name_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Transfer()
    monkeypatch.setattr(Locator, "redirected", lambda *_args, **_more: ())
    world.refer()
    assert world.to_east() == ["403 REFER"]
    world.leave()
    world.over()


def test_a_transfer_without_a_port_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Transfer()
    monkeypatch.setattr(MediaController, "offer", lambda *_args, **_more: None)
    world.refer()
    assert world.to_east() == ["503 REFER"]
    world.leave()
    world.over()


def test_a_target_whose_port_can_not_be_opened_has_failed() -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=2_000)
    world.refer()
    world.report(mc.OpenFailed(port=world.told(mc.Open)[-1].port, why="in use"))
    world.run(100)
    assert world.to_east()[-1] == "NOTIFY 503 Service Unavailable"
    assert world.records == []
    world.leave()
    world.over()


def test_a_line_that_drops_a_caller_early_is_followed_by_the_next_one_even_so() -> None:
    world = Transfer(recover_ms=8_000)
    world.line_phone(WEST, answer_ms=0)
    world.line_phone(DESK, status=486)
    world.refer()
    world.line_leaves()
    world.run(10_000)
    world.leave()
    east, west = world.over().record.attempts
    assert (east.ended_by, near(east.connected_ms, ANSWERED_MS + 100)) == (EndedBy.LINE, True)
    assert (west.line, west.ended_by, near(west.connected_ms, 10_000)) == ("west", EndedBy.CALLER, True)


def test_whether_a_line_dropped_the_caller_early_is_told_by_its_own_bye() -> None:
    world = Transfer(recover_ms=2_000)
    world.line_phone(WEST, answer_ms=0)
    world.line_phone(DESK, answer_ms=None)  # given up long after these two seconds
    world.refer()
    world.line_leaves()
    world.run(RING_MS + 5_000)
    world.leave()
    assert [tried.line for tried in world.over().record.attempts] == ["east", "west"]


def test_a_line_that_stays_after_the_transfer_is_hung_up_with_the_call() -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=0)
    world.refer()
    world.leave()
    assert "BYE" in world.to_east()
    world.over()


@pytest.mark.parametrize(("answer_ms", "owed"), [(6_000, 25_000_000), (None, 0)])
def test_the_wait_counts_only_when_the_target_answers(answer_ms: int | None, owed: int) -> None:
    """The price is due after ten seconds: the line leaves after six, the target answers six seconds later."""
    world = Transfer()
    world.line_phone(DESK, answer_ms=answer_ms)
    world.run(5_000)
    world.refer()
    world.line_leaves()
    world.run(5_500)
    assert revenue_counted(world) == 0
    world.run(1_000)
    assert revenue_counted(world) == owed
    world.run(20_000)
    world.leave()
    assert revenue(world.over()) == owed


def revenue_counted(world: World) -> int:
    """What the line's caps know of."""
    return world.usage.caps.snapshot().get("line:east revenue live", 0)


def test_a_crash_while_the_caller_waits_ends_talk_with_the_lines_bye() -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=None)
    world.refer()
    world.line_leaves()
    world.run(5_000)
    recovered = recover_call([payload for _, payload in world.journal]).record
    assert near(recovered.attempts[0].connected_ms, ANSWERED_MS + 100)
    world.leave()
    world.over()


def test_a_caller_whom_the_line_had_on_hold_is_resumed_by_the_target() -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=0)
    held = offer_answer.offer(host=EAST.host, port=4_000, session_id=1, version=2, direction=Direction.SENDONLY)
    world.east.agent.offer(world.east_leg, held, world.now_ns)
    world.run(100)
    assert world.asked == [Direction.SENDONLY]
    world.refer()
    assert world.asked == [Direction.SENDONLY, Direction.SENDRECV]
    world.leave()
    world.over()


def test_a_line_that_wants_no_subscription_is_told_nothing() -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=0)
    world.refer(extra=(("Refer-Sub", "false"),))
    assert world.to_east() == ["202 REFER"]
    world.line_leaves()
    world.leave()
    world.over()


@pytest.mark.parametrize("line_is_there", [True, False])
def test_the_switch_that_stops_ends_all(*, line_is_there: bool) -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=None)
    world.refer()
    if not line_is_there:
        world.line_leaves()
    world.engine.stop(world.at())
    judged = world.over()
    assert judged.record.ended_by is EndedBy.SWITCH
    assert near(judged.record.connected_ms, ANSWERED_MS + 100)


def test_what_a_line_says_after_it_was_followed_is_refused() -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=0)
    world.refer()
    world.refer()
    assert world.to_east()[-1] == "403 REFER"
    world.east.agent.offer(world.east_leg, offer_answer.offer(host=EAST.host, port=4_000, session_id=1, version=2), world.now_ns)
    world.run(100)
    assert world.to_east()[-1] == "488 INVITE"
    assert world.bridges() == 2
    world.leave()
    world.over()


def test_lost_media_of_a_target_that_only_rings_ends_nothing() -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=2_000)
    world.refer()
    world.report(mc.MediaTimeout(port=world.told(mc.Open)[-1].port, last_ns=None))
    world.run(3_000)
    assert world.bridges() == 2
    world.report(mc.MediaTimeout(port=world.told(mc.Open)[-1].port, last_ns=world.now_ns))
    assert world.over().record.ended_by is EndedBy.MEDIA_TIMEOUT


def test_a_call_that_breaks_while_the_target_rings_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Transfer()
    world.line_phone(DESK, answer_ms=1_000)
    world.refer()

    def broken(*_args: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(transfer_module.TransferController, "_complete", broken)
    world.run(2_000)
    assert [each.what for each in world.complaints] == ["call broke at TransferAnswered"]
    world.complaints.clear()
    assert world.over().record.ended_by is EndedBy.SWITCH


@pytest.mark.parametrize("who", ["caller leaves", "target is given up", "the switch dies"])
def test_dead_air_before_a_transfer_that_nobody_takes_is_no_talk(who: str) -> None:
    """Nobody was heard since 3 s; the line hangs up at 20 s, and the caller waits in vain."""
    world = Transfer()
    world.line_phone(DESK, answer_ms=None)
    world.run(8_000)
    world.report(mc.Quiet(port=world.told(mc.Bridge)[0].a, since_ns=3_000_000_000))
    world.run(11_000)
    world.refer()
    world.line_leaves(wait_ms=3_000)
    if who == "the switch dies":
        judged = recover_call([payload for _, payload in world.journal])
    else:
        if who == "caller leaves":
            world.leave()
        judged = world.over()
    assert near(judged.record.attempts[0].connected_ms, 3_000)
    assert revenue(judged) == 0
