"""Keys that come as tones: to whom the ears listen and when, and what becomes of a key that they hear."""

from dataclasses import replace

import pytest
from engine_world import EAST, MENU, World, line, plan

from ivr.menu import Menu, MenuPlan
from media import control as mc
from media.listening import EarsOrder, EarsReady, Listen, StopListening
from media.recording import RecorderReady
from routing.table import Accept, NoRoute, ToVoicemail
from switch.call.moment import Moment
from switch.call.record import EndedBy
from switch.engine.ears import REPEAT_NS
from switch.engine.effect import AppendJournal, TellEars
from switch.engine.leg_facts import LegFacts
from switch.engine.live import LiveCall
from switch.engine.plan import Plan
from switch.sip import offer_answer, sdp
from switch.sip.fact import InfoDigit, InviteReceived
from switch.sip.info import InfoKey
from switch.sip.peer import DtmfMode, PeerProfile

AUTO, RTP, INFO, INBAND = DtmfMode
TAPS = "/data/ears.sock"
ACCEPT = Accept(prompt="whisper", key="1", wait_ms=10_000)


def planned(
    *, trunk: DtmfMode = AUTO, of_line: DtmfMode = AUTO, menu: MenuPlan | None = None, accept: Accept | None = None
) -> Plan:
    found = plan(line("east", EAST, accept=accept), menu=menu)
    carrier = replace(found.trunks[0], peer=PeerProfile(name="carrier", dtmf=trunk))
    return replace(found, trunks=(carrier,), line_peers={"east": PeerProfile(name="east", dtmf=of_line)})


def offer(*, events: bool, version: int = 1) -> bytes:
    dtmf_type = offer_answer.DTMF_TYPE if events else None
    return offer_answer.offer(host="198.51.100.8", port=6_000, session_id=1, version=version, dtmf_type=dtmf_type)


class Heard(World):
    """A caller and a line, which have telephone-event or not, and ears. `to_ears`: what these were told."""

    def __init__(
        self,
        with_plan: Plan,
        *,
        events: bool = False,
        line_events: bool = True,
        ready: bool = True,
        body: bytes | None = None,
        run: bool = True,
    ) -> None:
        super().__init__(with_plan)
        self._line_events = line_events
        self.line = self.line_phone(EAST, answer_ms=10)
        self.leg = self.call(body=offer(events=events) if body is None else body)
        if ready:
            self.ears_come()
        if run:
            self.run(300)

    def sdp_answer(self, offer: bytes) -> bytes:
        description = sdp.parse_sdp(offer)
        assert description is not None
        agreed = offer_answer.answer(
            description, hosts=("198.51.100.99",), port=4_000, session_id=1, version=1, with_dtmf=self._line_events
        )
        assert isinstance(agreed, offer_answer.NegotiatedMedia)
        return agreed.body

    def caller_sends_info(self, digit: str) -> None:
        self.caller.agent.press(self.leg, InfoKey(digit, 100), self.now_ns)
        self.run(100)

    def line_sends_info(self, digit: str) -> None:
        leg = next(fact.leg for fact in self.line.facts if isinstance(fact, InviteReceived))
        self.line.agent.press(leg, InfoKey(digit, 100), self.now_ns)
        self.run(100)

    def ears_come(self) -> None:
        self.engine.ears_report(EarsReady(pid=2, taps=TAPS), self.at())

    def hear(self, digit: str, port: int | None = None) -> None:
        """The ears hear a key; where no port is said, at the one that they were told last."""
        port = self.listened[-1].port if port is None else port
        self.engine.ears_report(mc.DigitReceived(port=port, digit=digit, at_ns=self.now_ns), self.at())
        self.run(100)

    @property
    def to_ears(self) -> list[EarsOrder]:
        return [effect.order for effect in self.effects if isinstance(effect, TellEars)]

    @property
    def listened(self) -> list[Listen]:
        return [order for order in self.to_ears if isinstance(order, Listen)]

    @property
    def now_listened(self) -> set[int]:
        ended = {order.listening for order in self.to_ears if isinstance(order, StopListening)}
        return {order.listening for order in self.listened} - ended

    @property
    def now_tapped(self) -> set[int]:
        return {order.tap for order in self.told(mc.Tap)} - {order.tap for order in self.told(mc.Untap)}


def in_menu(trunk: DtmfMode = AUTO) -> Plan:
    patient = {name: replace(node, retries=9) if isinstance(node, Menu) else node for name, node in MENU.nodes.items()}
    return planned(trunk=trunk, menu=replace(MENU, nodes=patient))


def test_a_caller_without_telephone_event_is_listened_to_while_it_is_in_the_menu() -> None:
    talk = Heard(in_menu())
    (order,) = talk.listened
    (tap,) = talk.told(mc.Tap)
    assert (tap.port, tap.tap, tap.path, tap.received, tap.sent) == (order.port, order.listening, TAPS, True, False)
    talk.hear("1")
    talk.run(1_000)
    assert talk.told(mc.Bridge)
    assert (talk.now_listened, talk.now_tapped) == (set(), set())
    talk.leave(talk.leg)
    talk.run(10_000)
    assert talk.records[0].record.digits == "1"
    assert not talk.complaints


def test_a_key_stops_the_prompt_and_is_in_the_journal_before_what_it_causes() -> None:
    talk = Heard(in_menu())
    port = talk.listened[0].port
    talk.effects.clear()
    talk.hear("1", port)
    first = talk.effects[0]
    assert isinstance(first, AppendJournal)
    assert b"DigitHeard" in first.payload


@pytest.mark.parametrize(("trunk", "events", "listens"), [
    (AUTO, True, False), (AUTO, False, True), (RTP, True, False), (RTP, False, True), (INFO, True, False), (INFO, False, False),
    (INBAND, True, True), (INBAND, False, True),
])  # fmt: skip
def test_who_is_listened_to(trunk: DtmfMode, events: bool, listens: bool) -> None:  # noqa: FBT001 parameters of the test
    talk = Heard(in_menu(trunk), events=events)
    assert bool(talk.listened) is listens
    assert bool(talk.told(mc.Tap)) is listens


def test_inband_has_no_telephone_event_in_our_sdp() -> None:
    talk = Heard(planned(trunk=INBAND, of_line=INBAND), events=True)
    assert {order.peer.dtmf_type for order in talk.told(mc.SetRemote)} == {None}
    assert all(order.peer.takes_tones for order in talk.told(mc.SetRemote))


def test_nobody_is_listened_to_in_talk() -> None:
    talk = Heard(planned())
    assert talk.told(mc.Bridge)
    assert (talk.to_ears, talk.told(mc.Tap)) == ([], [])


def test_the_line_is_listened_to_while_it_is_asked_for_a_key() -> None:
    talk = Heard(planned(of_line=INBAND, accept=ACCEPT), events=True)
    assert len(talk.now_listened) == 1
    talk.hear("1")
    talk.run(100)
    (bridge,) = talk.told(mc.Bridge)
    assert bridge.b == talk.listened[0].port
    assert (talk.now_listened, talk.now_tapped) == (set(), set())


def test_a_whisper_without_a_key_is_not_listened_to() -> None:
    assert Heard(planned(of_line=INBAND, accept=Accept(prompt="whisper", key=None, wait_ms=10_000))).listened == []


def test_a_key_that_comes_too_late_or_of_nobody_changes_nothing() -> None:
    talk = Heard(in_menu())
    port = talk.listened[0].port
    talk.hear("1")
    before = len(talk.journal)
    talk.hear("1", port)
    talk.hear("1", 29_998)
    talk.run(100)
    assert sum(b"DigitHeard" in payload for _, payload in talk.journal[before:]) == 0


def test_a_hang_up_in_the_menu_ends_the_listening() -> None:
    talk = Heard(in_menu())
    talk.leave(talk.leg)
    talk.run(10_000)
    assert talk.now_listened == set()
    assert not talk.complaints


def test_ears_that_come_later_or_come_back_listen_to_calls_in_progress() -> None:
    talk = Heard(in_menu(), ready=False)
    assert talk.to_ears == []
    talk.ears_come()
    talk.run(1)
    (first,) = talk.now_listened
    talk.engine.ears_lost(talk.at())
    talk.run(1)
    assert (talk.now_listened, talk.now_tapped) == (set(), set())
    talk.ears_come()
    talk.run(1)
    assert talk.now_listened == talk.now_tapped
    assert talk.now_listened.isdisjoint({first})
    talk.hear("1")
    talk.run(1_000)
    assert talk.told(mc.Bridge)


def test_a_caller_that_answers_in_its_ack_is_listened_to_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    on_ack = LegFacts._on_ack
    listened_before: list[int] = []

    def with_answer(self: LegFacts, live: LiveCall, number: int, body: bytes, at: Moment) -> None:
        listened_before.append(len(talk.listened))
        on_ack(self, live, number, body or offer(events=False), at)

    monkeypatch.setattr(LegFacts, "_on_ack", with_answer)
    talk = Heard(in_menu(), body=b"", run=False)
    talk.run(300)
    assert listened_before == [0]
    assert len(talk.now_listened) == 1


def test_a_re_invite_with_telephone_event_ends_the_listening() -> None:
    talk = Heard(in_menu())
    assert len(talk.now_listened) == 1
    talk.caller.agent.offer(talk.leg, offer(events=True, version=2), talk.now_ns)
    talk.run(500)
    assert talk.now_listened == set()
    talk.caller.agent.offer(talk.leg, offer(events=False, version=3), talk.now_ns)
    talk.run(500)
    assert len(talk.now_listened) == 1


def digits_of(talk: Heard) -> int:
    return sum(b"DigitHeard" in payload for _, payload in talk.journal)


def test_a_gateway_that_says_each_key_by_info_too_is_heard_once() -> None:
    talk = Heard(in_menu())
    talk.hear("5")
    talk.caller_sends_info("5")
    assert digits_of(talk) == 1
    assert talk.now_listened == set()  # from now on INFO tells
    talk.caller_sends_info("5")
    assert digits_of(talk) == 2


def test_two_keys_in_band_are_repeated_by_two_of_info() -> None:
    talk = Heard(in_menu())
    for _ in range(2):
        talk.hear("5")
    for _ in range(3):
        talk.caller_sends_info("5")
    assert digits_of(talk) == 3


@pytest.mark.parametrize(("beyond_ms", "is_repeat"), [(0, True), (1, False)])
def test_info_repeats_a_key_for_three_seconds(beyond_ms: int, is_repeat: bool) -> None:  # noqa: FBT001 parameters of the test
    talk = Heard(in_menu())
    (live,) = talk.engine._calls
    live.legs[0].in_band = (("5", talk.now_ns - REPEAT_NS - beyond_ms * 1_000_000),)
    assert talk.engine._ears.is_repeat(live, 0, "5", talk.at()) is is_repeat


def test_info_before_the_tones_makes_them_count_for_nothing() -> None:
    talk = Heard(in_menu())
    port = talk.listened[0].port
    talk.caller_sends_info("5")
    talk.hear("5", port)
    assert digits_of(talk) == 1


def test_the_accept_key_of_a_line_that_says_it_by_info_too_does_not_reach_the_caller() -> None:
    talk = Heard(planned(accept=ACCEPT, trunk=INFO), line_events=False)
    talk.hear("1")
    assert talk.told(mc.Bridge)
    talk.line_sends_info("1")
    talk.line_sends_info("2")
    assert [fact.digit for fact in talk.caller.facts if isinstance(fact, InfoDigit)] == ["2"]


def test_the_key_that_ends_a_message_is_listened_for_from_the_beep_on() -> None:
    full = plan(line("east", EAST, limit=0), overflow={NoRoute.CAPPED: ToVoicemail(greeting="leave-a-message", longest_ms=30_000)})
    assert full.has_use_for_ears
    talk = Heard(full, run=False)
    talk.engine.recorder_report(RecorderReady(pid=7, taps="/taps"), talk.at())
    talk.run(1_500)
    assert talk.to_ears == []
    talk.run(1_500)
    assert len(talk.listened) == 1
    talk.hear("#")
    talk.run(1_000)
    assert (talk.now_listened, talk.now_tapped) == (set(), set())
    assert talk.records[0].record.ended_by is EndedBy.SWITCH
