"""Digits between bridged legs: by telephone-event, by INFO, and from the one to the other."""

from dataclasses import replace

import pytest
from engine_world import EAST, MENU, World, line, plan

from ivr.menu import MenuPlan
from media import control as mc
from routing.table import Accept
from switch.engine.plan import Plan
from switch.sip import offer_answer
from switch.sip.fact import AnswerReceived, InfoDigit, InviteReceived
from switch.sip.info import DEFAULT_DURATION_MS, InfoKey
from switch.sip.peer import DtmfMode, PeerProfile

AUTO, RTP, INFO, INBAND = DtmfMode


def planned(
    *, trunk: DtmfMode = AUTO, of_line: DtmfMode = AUTO, menu: MenuPlan | None = None, accept: Accept | None = None
) -> Plan:
    found = plan(line("east", EAST, accept=accept), menu=menu)
    carrier = replace(found.trunks[0], peer=PeerProfile(name="carrier", dtmf=trunk))
    return replace(found, trunks=(carrier,), line_peers={"east": PeerProfile(name="east", dtmf=of_line)})


class Talk(World):
    """A caller and a line that talk. `events`: whether the caller offers telephone-event."""

    def __init__(self, with_plan: Plan, *, events: bool = True, answer_ms: int = 10) -> None:
        super().__init__(with_plan)
        self.line = self.line_phone(EAST, answer_ms=answer_ms)
        offer = offer_answer.offer(
            host="198.51.100.8", port=6_000, session_id=1, version=1, dtmf_type=offer_answer.DTMF_TYPE if events else None
        )
        self.leg = self.call(body=offer)

    @property
    def line_leg(self) -> int:
        return next(fact.leg for fact in self.line.facts if isinstance(fact, InviteReceived))

    def caller_sends_info(self, digit: str, duration_ms: int | None = 100) -> None:
        self.caller.agent.press(self.leg, InfoKey(digit, duration_ms), self.now_ns)
        self.run(100)

    def line_sends_info(self, digit: str) -> None:
        self.line.agent.press(self.line_leg, InfoKey(digit, 100), self.now_ns)
        self.run(100)

    def event(self, digit: str, *, of_line: bool = False) -> None:
        """A telephone-event came from the caller, or the line."""
        self.report(mc.DigitReceived(port=self.ports[of_line], digit=digit, at_ns=self.now_ns))
        self.run(100)

    @property
    def ports(self) -> list[int]:
        (bridge,) = self.told(mc.Bridge)
        return [bridge.a, bridge.b]

    def by_info(self) -> tuple[str, str]:
        """The digits that caller and line heard by INFO."""
        caller, of_line = (
            "".join([fact.digit for fact in phone.facts if isinstance(fact, InfoDigit)]) for phone in (self.caller, self.line)
        )
        return caller, of_line

    def sent_as_events(self) -> list[tuple[int, str, int]]:
        return [(order.port, order.digit, order.duration_ms) for order in self.told(mc.SendDigit)]


def test_events_of_the_caller_are_info_to_a_line_with_info() -> None:
    talk = Talk(planned(of_line=INFO))
    talk.run(500)
    for digit in "12#":
        talk.event(digit)
    assert talk.by_info() == ("", "12#")
    assert talk.sent_as_events() == []
    assert {fact.duration_ms for fact in talk.line.facts if isinstance(fact, InfoDigit)} == {DEFAULT_DURATION_MS}


def test_events_of_the_line_are_info_to_a_trunk_with_info() -> None:
    talk = Talk(planned(trunk=INFO))
    talk.run(500)
    talk.event("7", of_line=True)
    assert talk.by_info() == ("7", "")


@pytest.mark.parametrize("trunk", [AUTO, INFO])
@pytest.mark.parametrize(("duration_ms", "lasts_ms"), [(100, 100), (None, DEFAULT_DURATION_MS)])
def test_info_of_a_caller_without_events_is_an_event_to_the_line(trunk: DtmfMode, duration_ms: int | None, lasts_ms: int) -> None:
    talk = Talk(planned(trunk=trunk), events=trunk is INFO)
    talk.run(500)
    talk.caller_sends_info("5", duration_ms)
    assert talk.by_info() == ("", "")
    assert talk.sent_as_events() == [(talk.ports[1], "5", lasts_ms)]


def test_info_of_the_line_is_an_event_to_the_caller() -> None:
    talk = Talk(planned(of_line=INFO))
    talk.run(500)
    talk.line_sends_info("9")
    assert talk.sent_as_events() == [(talk.ports[0], "9", 100)]


def test_info_is_for_the_worker_to_sound_where_the_other_side_has_neither() -> None:
    talk = Talk(planned(of_line=INFO), events=False)
    talk.run(500)
    talk.line_sends_info("9")
    assert talk.by_info() == ("", "")
    assert talk.sent_as_events() == [(talk.ports[0], "9", 100)]
    remote = [order.peer for order in talk.told(mc.Open) if order.port == talk.ports[0]][-1]
    assert remote is not None
    assert (remote.dtmf_type, remote.takes_tones) == (None, True)


def test_info_stays_info_between_two_with_info() -> None:
    talk = Talk(planned(trunk=INFO, of_line=INFO))
    talk.run(500)
    talk.caller_sends_info("5", 300)
    talk.line_sends_info("6")
    assert talk.by_info() == ("6", "5")
    assert [fact.duration_ms for fact in talk.line.facts if isinstance(fact, InfoDigit)] == [300]
    assert talk.sent_as_events() == []


@pytest.mark.parametrize("of_line", [AUTO, RTP])
@pytest.mark.parametrize("trunk", [AUTO, RTP])
def test_who_agreed_on_events_may_send_info_as_well_and_is_heard_once(trunk: DtmfMode, of_line: DtmfMode) -> None:
    talk = Talk(planned(trunk=trunk, of_line=of_line))
    talk.run(500)
    talk.event("5")  # the worker passes the packets on
    talk.caller_sends_info("5")
    assert talk.by_info() == ("", "")
    assert talk.sent_as_events() == []


def test_the_key_that_accepts_does_not_reach_the_caller() -> None:
    talk = Talk(planned(trunk=INFO, of_line=INFO, accept=Accept(prompt="whisper", key="1", wait_ms=10_000)))
    talk.run(500)
    assert not talk.told(mc.Bridge)
    talk.line_sends_info("1")
    assert len(talk.told(mc.Bridge)) == 1
    assert talk.by_info() == ("", "")
    talk.line_sends_info("2")
    assert talk.by_info() == ("2", "")


def test_the_key_that_the_menu_took_does_not_reach_the_line() -> None:
    talk = Talk(planned(of_line=INFO, menu=MENU), answer_ms=0)
    talk.run(500)
    talk.press("1")
    talk.run(500)
    assert len(talk.told(mc.Bridge)) == 1
    assert talk.by_info() == ("", "")


def test_a_key_is_sent_again_until_it_arrives() -> None:
    talk = Talk(planned(of_line=INFO))
    talk.run(500)
    talk.cut_off.add(EAST.host)
    talk.event("1")
    talk.run(500)
    talk.cut_off.clear()
    talk.run(5_000)
    assert talk.by_info() == ("", "1")
    assert not talk.endings()


def test_a_hang_up_with_keys_on_the_way_leaves_nothing() -> None:
    talk = Talk(planned(of_line=INFO))
    talk.run(500)
    for digit in "123":
        talk.report(mc.DigitReceived(port=talk.ports[0], digit=digit, at_ns=talk.now_ns))
    talk.leave(talk.leg)
    talk.run(60_000)
    assert [fact.leg for fact in talk.caller.facts if isinstance(fact, AnswerReceived)] == [talk.leg]
    assert len(talk.records) == 1
    assert not any(talk.sip.live_counts().values())
    assert not talk.complaints


def test_info_modes_have_no_telephone_event_in_our_sdp() -> None:
    talk = Talk(planned(trunk=INFO, of_line=INFO))
    talk.run(500)
    (offered,) = [fact.offer for fact in talk.line.facts if isinstance(fact, InviteReceived)]
    (answered,) = [fact.body for fact in talk.caller.facts if isinstance(fact, AnswerReceived)]
    assert b"telephone-event" not in offered + answered
    assert {order.peer.dtmf_type for order in talk.told(mc.SetRemote)} == {None}
