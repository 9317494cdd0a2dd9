"""Hold, resume and what else one leg offers: what the other leg is told, what is heard, and what becomes of a refusal."""

from dataclasses import dataclass, field, replace
from random import Random

import pytest
from engine_world import EAST, RTP, SWITCH, World, line, plan, tokens

from media import control as mc
from switch.engine.engine import Engine
from switch.engine.media import RtpSettings
from switch.sip import offer_answer
from switch.sip.agent import UserAgent
from switch.sip.fact import AnswerReceived, Fact, InviteReceived, OfferAccepted, OfferReceived, OfferRefused
from switch.sip.flow import Flow
from switch.sip.sdp import Direction, parse_sdp

SENDRECV, SENDONLY, RECVONLY, INACTIVE = Direction
SEEDS = range(12)


@dataclass
class Side:
    """A phone in a call: the directions that it was offered and answered, in order. `refuses`: the status for offers to it."""

    world: "Talk"
    name: str
    leg: int = 0
    refuses: int | None = None
    offered: list[Direction] = field(default_factory=list)
    answered: list[Direction] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    version: int = 1

    @property
    def agent(self) -> UserAgent:
        return self.world.caller.agent if self.name == "caller" else self.world.line.agent

    def on_fact(self, fact: Fact) -> None:
        agent = self.agent
        match fact:
            case InviteReceived(leg=leg, offer=offer):
                self.leg = leg
                agent.answer(leg, self._answer(offer), self.world.now_ns)
            case AnswerReceived(leg=leg):
                self.leg = leg
            case OfferReceived(leg=leg, offer=offer) if self.refuses is not None:
                self.offered.append(direction(offer))
                agent.decline(leg, self.refuses, self.world.now_ns)
            case OfferReceived(leg=leg, offer=offer):
                self.offered.append(direction(offer))
                agent.accept(leg, self._answer(offer), self.world.now_ns)
            case OfferAccepted(leg=leg, body=body):
                self.answered.append(direction(body))
                agent.accept(leg, self._answer(body), self.world.now_ns)  # nothing, unless it asked for the offer
            case OfferRefused(status=status):
                self.refused.append(status)
            case _:
                pass

    def offers(self, wish: Direction, *, port: int = 6_000, run_ms: int = 500) -> None:
        self.version += 1
        agent = self.agent
        body = offer_answer.offer(host="198.51.100.8", port=port, session_id=1, version=self.version, direction=wish)
        agent.offer(self.leg, body, self.world.now_ns)
        self.world.run(run_ms)

    def asks(self) -> None:
        """Re-INVITE without SDP, whose ACK answers our offer."""
        self.agent.offer(self.leg, b"", self.world.now_ns)
        self.world.run(500)

    def _answer(self, offer: bytes) -> bytes:
        return self.world.sdp_answer(offer)


def direction(body: bytes) -> Direction:
    description = parse_sdp(body)
    assert description is not None
    return description.media[0].direction


class Talk(World):
    """A caller and a line that talk."""

    def __init__(self, *, music: str | None = None) -> None:
        self.music = music
        super().__init__(replace(plan(line("east", EAST)), hold_music={} if music is None else {"quotes": music}))
        rtp = RtpSettings(addresses=RTP, ports=(20_000, 29_999), quiet_ms=10_000)
        self.engine = Engine(plan=self.engine.plan, rtp=rtp, agent=self.sip, token=tokens("e"), usage=self.usage)
        self.engine.report(1, mc.Ready(pid=1), self.at())
        self.a, self.b = Side(self, "caller"), Side(self, "line")
        self.caller.on_fact = self.a.on_fact
        self.line = self.phone(EAST, self.b.on_fact)
        self.call()
        self.run(500)
        assert len(self.told(mc.Bridge)) == 1
        self.ports = self.told(mc.Bridge)[0].a, self.told(mc.Bridge)[0].b

    def over(self) -> None:
        self.caller.agent.hangup(self.a.leg, self.now_ns)
        self.run(70_000)
        assert len(self.records) == 1
        assert not self.complaints
        assert set(self.sip.live_counts().values()) == {0}

    def aim(self, port: int) -> mc.RemoteMedia:
        return [order.peer for order in self.told(mc.SetRemote) if order.port == port][-1]


def test_hold_and_resume_pass_to_the_other_side() -> None:
    talk = Talk()
    talk.a.offers(SENDONLY)
    talk.a.offers(SENDRECV)
    assert talk.b.offered == [SENDONLY, SENDRECV]
    assert talk.a.answered == [RECVONLY, SENDRECV]
    talk.over()


def test_the_line_may_hold_as_well() -> None:
    talk = Talk()
    talk.b.offers(INACTIVE)
    assert (talk.a.offered, talk.b.answered) == ([INACTIVE], [INACTIVE])
    talk.b.offers(SENDRECV)
    assert (talk.a.offered, talk.b.answered) == ([INACTIVE, SENDRECV], [INACTIVE, SENDRECV])
    talk.over()


def test_a_hold_of_both_ends_with_the_second_resume() -> None:
    talk = Talk()
    talk.a.offers(SENDONLY)
    talk.b.offers(SENDONLY)
    talk.a.offers(SENDRECV)
    talk.b.offers(SENDRECV)
    assert talk.b.offered[-1] is SENDRECV
    assert talk.b.answered[-1] is SENDRECV
    assert talk.aim(talk.ports[0]).receives
    assert talk.aim(talk.ports[1]).receives
    talk.over()


def test_another_address_or_codec_is_nothing_to_the_other_side() -> None:
    talk = Talk()
    talk.a.offers(SENDRECV, port=6_100)
    assert (talk.a.answered, talk.b.offered) == ([SENDRECV], [])
    aim = talk.aim(talk.ports[0])
    assert (aim.port, aim.moved, aim.held) == (6_100, True, False)
    talk.over()


def test_a_refusal_of_one_side_is_told_to_the_other() -> None:
    talk = Talk()
    talk.b.refuses = 488
    talk.a.offers(SENDONLY)
    assert (talk.a.refused, talk.a.answered) == ([488], [])
    assert talk.b.offered == [SENDONLY]
    talk.b.refuses = None
    talk.a.offers(SENDONLY)
    assert talk.a.answered == [RECVONLY]
    talk.over()


def test_a_side_on_hold_may_be_silent_for_longer() -> None:
    talk = Talk()
    talk.a.offers(SENDONLY)
    assert talk.aim(talk.ports[0]).held
    assert talk.aim(talk.ports[1]).held
    talk.a.offers(SENDRECV)
    assert not talk.aim(talk.ports[0]).held
    assert not talk.aim(talk.ports[1]).held
    talk.over()


@pytest.mark.parametrize("wish", [SENDONLY, INACTIVE])
def test_a_side_that_was_held_is_on_hold_whatever_it_answers(wish: Direction) -> None:
    """RFC 3264 §6.1 has it answer recvonly or inactive; some phones answer without a direction, which is sendrecv."""

    class Careless(Talk):
        def sdp_answer(self, offer: bytes) -> bytes:
            answer = super().sdp_answer(offer)
            return answer.replace(b"a=recvonly\r\n", b"").replace(b"a=inactive\r\n", b"")

    talk = Careless()
    talk.a.offers(wish)
    assert talk.b.offered == [wish]
    assert talk.aim(talk.ports[1]).held
    talk.b.offers(SENDRECV)  # refreshed in the same careless way
    assert talk.aim(talk.ports[1]).held
    talk.a.offers(SENDRECV)
    assert not talk.aim(talk.ports[1]).held
    talk.over()


@pytest.mark.parametrize("wish", [SENDONLY, INACTIVE])
def test_a_held_caller_hears_music_until_the_line_resumes(wish: Direction) -> None:
    talk = Talk(music="hold")
    talk.b.offers(wish)
    assert talk.a.offered == [SENDONLY]
    assert [(order.port, order.prompt) for order in talk.told(mc.PlayMusic)] == [(talk.ports[0], "hold")]
    assert not talk.told(mc.StopPlay)
    talk.b.offers(SENDRECV)
    assert [order.port for order in talk.told(mc.StopPlay)] == [talk.ports[0]]
    talk.over()


@pytest.mark.parametrize("wish", [SENDONLY, INACTIVE])
def test_a_held_line_hears_what_the_caller_sends_and_no_music(wish: Direction) -> None:
    talk = Talk(music="hold")
    talk.a.offers(wish)
    assert talk.b.offered == [wish]
    assert not talk.told(mc.PlayMusic)
    talk.over()


@pytest.mark.parametrize("wish", [SENDONLY, INACTIVE])
def test_without_music_a_held_caller_hears_what_the_line_sends(wish: Direction) -> None:
    talk = Talk()
    talk.b.offers(wish)
    assert talk.a.offered == [wish]
    assert not talk.told(mc.PlayMusic)
    talk.over()


def test_a_refresh_of_a_held_side_is_no_hold_of_its_own() -> None:
    talk = Talk()
    talk.a.offers(SENDONLY)
    talk.b.offers(RECVONLY)
    assert talk.a.offered == []
    talk.a.offers(SENDRECV)
    assert talk.b.offered == [SENDONLY, SENDRECV]
    talk.b.offers(SENDRECV)
    assert talk.a.offered == []
    talk.over()


def test_a_held_side_that_asks_for_our_offer_holds_nobody() -> None:
    talk = Talk()
    talk.a.offers(SENDONLY)
    talk.b.asks()
    assert (talk.b.answered, talk.a.offered) == ([SENDONLY], [])
    talk.a.offers(SENDRECV)
    assert talk.b.offered == [SENDONLY, SENDRECV]
    talk.over()


def test_both_sides_offer_at_once_and_both_get_their_way() -> None:
    """Glare (RFC 3261 §14.1): 491 and another try after a random time."""
    talk = Talk()
    talk.a.offers(SENDONLY, run_ms=0)
    talk.b.offers(INACTIVE, run_ms=7_000)  # ours again within 4 s, the line's within 2 s of that
    assert (talk.a.answered[-1], len(talk.b.answered)) == (RECVONLY, 1)
    talk.a.offers(SENDRECV, run_ms=5_000)
    talk.b.offers(SENDRECV, run_ms=5_000)
    assert talk.aim(talk.ports[0]).receives
    assert talk.aim(talk.ports[1]).receives
    talk.over()


def test_a_re_invite_without_sdp_gets_our_offer() -> None:
    talk = Talk()
    talk.a.asks()
    assert talk.a.answered == [SENDRECV]
    talk.over()


def test_a_side_that_hangs_up_while_it_is_asked_ends_the_call() -> None:
    talk = Talk()
    talk.b.refuses = None
    talk.a.offers(SENDONLY, run_ms=0)
    talk.line.agent.hangup(talk.b.leg, talk.now_ns)
    talk.run(70_000)
    assert len(talk.records) == 1
    assert not talk.complaints
    assert set(talk.sip.live_counts().values()) == {0}


def test_time_on_hold_is_talk() -> None:
    talk = Talk()
    talk.a.offers(SENDONLY)
    talk.run(20_000)
    talk.a.offers(SENDRECV)
    talk.over()
    (attempt,) = talk.records[0].record.attempts
    assert attempt.connected_ms >= 20_000


def test_an_ack_of_another_offer_is_no_answer_to_ours() -> None:
    """The caller moves, and its ACK is late; the line's hold waits for it, and the caller moves again in its answer to that."""

    class LateAck(Talk):
        late: tuple[bytes, Flow, Flow] | None = None
        is_slow = False

        def fly(self, data: bytes, source: Flow, target: Flow) -> None:
            if self.is_slow and data.startswith(b"ACK ") and target == SWITCH:
                self.late = data, source, target
            else:
                super().fly(data, source, target)

        def sdp_answer(self, offer: bytes) -> bytes:
            return super().sdp_answer(offer).replace(b" 4000 ", b" 4100 " if self.is_slow or self.late else b" 4000 ")

    talk = LateAck()
    talk.is_slow = True
    talk.a.offers(SENDRECV, port=6_100, run_ms=100)
    talk.b.offers(SENDONLY, run_ms=100)
    assert talk.late is not None
    talk.is_slow = False
    talk._land(*talk.late)
    talk.flush()
    talk.run(10_000)
    assert (talk.a.offered, talk.b.answered) == ([SENDONLY], [RECVONLY])
    assert talk.aim(talk.ports[0]).port == 4_100
    talk.over()


@pytest.mark.parametrize("seed", SEEDS)
def test_after_any_holds_both_hear_each_other_again(seed: int) -> None:
    chance = Random(seed)
    talk = Talk(music=chance.choice((None, "music")))
    talk.loss, talk.doubling, talk.delay_ms = chance.choice((0.0, 0.1)), 0.1, (1, 80)
    for _ in range(8):
        wish = chance.choice((SENDONLY, SENDRECV, RECVONLY))
        chance.choice((talk.a, talk.b)).offers(wish, port=6_000, run_ms=chance.choice((0, 20, 100, 3_000)))
    talk.run(30_000)
    talk.loss = 0.0
    for side in (talk.a, talk.b, talk.a, talk.b):
        side.offers(SENDRECV, port=6_300, run_ms=30_000)
    assert talk.a.answered[-1] is SENDRECV
    assert talk.b.answered[-1] is SENDRECV
    for port in talk.ports:
        assert talk.aim(port).receives
        assert not talk.aim(port).held
        assert talk.aim(port).port == 6_300
    talk.run(100_000)
    talk.over()


@pytest.mark.parametrize("ending", ["caller", "line"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_call_that_ends_amid_holds_leaves_one_record_and_nothing_else(seed: int, ending: str) -> None:
    chance = Random(seed)
    talk = Talk()
    talk.loss, talk.doubling, talk.delay_ms = chance.choice((0.0, 0.2)), 0.1, (1, 80)
    for _ in range(chance.randrange(1, 6)):
        chance.choice((talk.a, talk.b)).offers(chance.choice((SENDONLY, SENDRECV)), run_ms=chance.choice((0, 20, 100)))
    side = talk.a if ending == "caller" else talk.b
    side.agent.hangup(side.leg, talk.now_ns)
    talk.run(200_000)
    assert len(talk.records) == 1
    assert not talk.complaints
    assert set(talk.sip.live_counts().values()) == {0}
    assert talk.engine.live_calls == 0
