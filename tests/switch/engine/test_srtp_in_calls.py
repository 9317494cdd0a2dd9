"""SRTP by config of trunks and lines: what is offered and answered, what the worker is told, and that nothing falls back in silence."""

from dataclasses import replace

import pytest
from engine_world import CARRIER, EAST, WEST, World, line, plan

from media import control as mc
from routing.zone import time_zone
from switch.engine.effect import LogPeer, SendSip
from switch.engine.plan import Plan
from switch.explain import event_words
from switch.sip import offer_answer
from switch.sip.fact import AnswerReceived, Fact, InviteReceived, OfferAccepted, OfferReceived, OfferRefused
from switch.sip.peer import PeerProfile
from switch.sip.sdes import OFFERED_SUITES, Crypto, SrtpMode, Suite, parse_crypto
from switch.sip.sdp import Direction, parse_sdp

OFF, OPTIONAL, REQUIRED = SrtpMode
SHA1_80 = Suite.AES_CM_128_HMAC_SHA1_80
THEIRS = b"t" * 30


def planned(*, trunk: SrtpMode = OFF, east: SrtpMode = OFF, west: SrtpMode = OFF) -> Plan:
    found = plan(line("east", EAST), line("west", WEST))
    carrier = replace(found.trunks[0], peer=PeerProfile(name="carrier", srtp=trunk))
    peers = {"east": PeerProfile(name="east", srtp=east), "west": PeerProfile(name="west", srtp=west)}
    return replace(found, trunks=(carrier,), line_peers=peers)


def offering(
    key: bytes | None = THEIRS, *, version: int = 1, direction: Direction = Direction.SENDRECV, suite: Suite = SHA1_80
) -> bytes:
    crypto = () if key is None else (Crypto(tag=1, suite=suite, key=key),)
    return offer_answer.offer(host="198.51.100.8", port=6_000, session_id=1, version=version, crypto=crypto, direction=direction)


def answering(offer: bytes, *, key: bytes | None = THEIRS) -> bytes:
    """A phone's answer. `key` None: it takes any offer for a plain one."""
    text = offer if key is not None else offer.replace(b"RTP/SAVP", b"RTP/AVP")
    description = parse_sdp(text)
    assert description is not None
    agreed = offer_answer.answer(
        description,
        hosts=("198.51.100.99",),
        port=4_000,
        session_id=1,
        version=1,
        srtp=OPTIONAL,
        key_of=lambda suite: (key or b"")[:1] * suite.key_bytes,
    )
    assert isinstance(agreed, offer_answer.NegotiatedMedia)
    return agreed.body


def crypto_in(body: bytes) -> list[Crypto]:
    description = parse_sdp(body)
    assert description is not None
    found = [parse_crypto(value) for value in description.media[0].crypto]
    assert (description.media[0].protocol == "RTP/SAVP") is bool(found)
    return [each for each in found if each is not None]


def answers(world: World) -> list[bytes]:
    """What the caller was answered to its INVITE and its re-INVITEs."""
    return [fact.body for fact in world.caller.facts if isinstance(fact, AnswerReceived | OfferAccepted)]


def remotes(world: World) -> dict[int, list[mc.Srtp | None]]:
    """What the worker was told of each port's keys, in order."""
    found: dict[int, list[mc.Srtp | None]] = {}
    for order in world.orders:
        if isinstance(order, mc.Open | mc.SetRemote) and order.peer is not None:
            found.setdefault(order.port, []).append(order.peer.srtp)
    return found


def sent_to_caller(world: World) -> bytes:
    return b"".join([effect.data for effect in world.effects if isinstance(effect, SendSip) and effect.target == CARRIER])


class LinePhone:
    """A line that answers at once; `key` None: in plain, whatever it is offered."""

    def __init__(self, world: World, *, at: object = EAST, key: bytes | None = b"l" * 30) -> None:
        self.world, self.key = world, key
        self.offers: list[bytes] = []
        self.phone = world.phone(EAST if at is EAST else WEST, self.on_fact)

    def on_fact(self, fact: Fact) -> None:
        if isinstance(fact, InviteReceived):
            self.offers.append(fact.offer)
            self.phone.agent.answer(fact.leg, answering(fact.offer, key=self.key), self.world.now_ns)
        elif isinstance(fact, OfferReceived):
            self.offers.append(fact.offer)
            self.phone.agent.accept(fact.leg, answering(fact.offer, key=self.key), self.world.now_ns)


@pytest.mark.parametrize("east", [OFF, REQUIRED])
@pytest.mark.parametrize(("trunk", "offered"), [(OPTIONAL, True), (OPTIONAL, False), (REQUIRED, True), (OFF, False)])
def test_each_leg_has_keys_of_its_own_or_none(trunk: SrtpMode, east: SrtpMode, *, offered: bool) -> None:
    world = World(planned(trunk=trunk, east=east))
    of_line = LinePhone(world)
    world.call(body=offering(THEIRS if offered else None))
    world.run(1_000)
    (bridge,) = world.told(mc.Bridge)
    (answered,) = [crypto_in(body) for body in answers(world)]
    (line_offered,) = [crypto_in(body) for body in of_line.offers]
    assert [each.suite for each in line_offered] == ([] if east is OFF else list(OFFERED_SUITES))
    of_a, of_b = remotes(world)[bridge.a][-1], remotes(world)[bridge.b][-1]
    assert (of_a is not None, of_b is not None) == (offered, east is REQUIRED)
    if of_a is not None:
        assert answered == [Crypto(tag=1, suite=SHA1_80, key=of_a.send)]
        assert (of_a.suite.value, of_a.receive) == (SHA1_80.value, THEIRS)
    if of_b is not None:
        assert (of_b.suite.value, of_b.send, of_b.receive) == (OFFERED_SUITES[0].value, line_offered[0].key, b"l" * 44)
    keys = [each.key for each in (*answered, *line_offered)]
    assert len(set(keys)) == len(keys)
    assert len({key[:28] for key in keys}) == len(keys)


@pytest.mark.parametrize(
    ("trunk", "body", "words"),
    [
        (REQUIRED, offering(None), '302 payphone "Audio is RTP/SAVP"'),
        (OFF, offering(), '302 payphone "Audio is RTP/AVP"'),
        (OPTIONAL, offering().replace(b" inline:", b" other:"), '306 payphone "Keys are one a=crypto of'),
    ],
)
def test_an_offer_that_config_does_not_allow_is_488_in_words(trunk: SrtpMode, body: bytes, words: str) -> None:
    world = World(planned(trunk=trunk))
    of_line = LinePhone(world)
    world.call(body=body)
    world.run(40_000)
    assert [judged.record.sip_code for judged in world.records] == [488]
    assert f"Warning: {words}".encode() in sent_to_caller(world)
    assert not of_line.offers


def test_a_line_that_answers_in_plain_has_failed_and_the_next_one_is_tried() -> None:
    world = World(planned(east=REQUIRED, west=REQUIRED))
    LinePhone(world, key=None)
    LinePhone(world, at=WEST)
    leg = world.call()
    world.run(2_000)
    assert len(world.told(mc.Bridge)) == 1
    world.leave(leg)
    world.run(5_000)
    (judged,) = world.records
    assert [(attempt.line, attempt.outcome) for attempt in judged.record.attempts] == [("east", "failed"), ("west", "answered")]
    why = [event.facts.get("why") for event in judged.events if event.facts.get("why")]
    assert why == ["its SDP takes none of the encrypted audio that was offered: it has no a=crypto"]


def test_a_caller_without_an_offer_is_offered_keys_where_they_are_required() -> None:
    for trunk in (REQUIRED, OPTIONAL):
        world = World(planned(trunk=trunk))
        LinePhone(world)
        world.call(body=b"")
        world.run(200)
        (offered,) = [crypto_in(body) for body in answers(world)]
        assert bool(offered) is (trunk is REQUIRED)


def reoffer(world: World, leg: int, body: bytes) -> None:
    world.caller.agent.offer(leg, body, world.now_ns)
    world.run(300)


def test_keys_stay_where_the_peer_repeats_them_and_change_where_it_changes_them() -> None:
    world = World(planned(trunk=REQUIRED, east=REQUIRED))
    of_line = LinePhone(world)
    leg = world.call(body=offering())
    world.run(500)
    port = world.told(mc.Bridge)[0].a
    reoffer(world, leg, offering(version=2, direction=Direction.SENDONLY))
    reoffer(world, leg, offering(version=3))
    reoffer(world, leg, offering(b"n" * 30, version=4))
    told = remotes(world)[port]
    assert {each.send for each in told if each is not None} == {crypto_in(body)[0].key for body in answers(world)}
    assert len({each.send for each in told if each is not None}) == 1
    assert [each.receive for each in told if each is not None][-2:] == [THEIRS, b"n" * 30]
    assert len({tuple(each.key for each in crypto_in(body)) for body in of_line.offers}) == 1  # INVITE, hold and resume
    assert len(of_line.offers) == 3


@pytest.mark.parametrize("suite", Suite)
def test_an_offer_of_ours_has_the_suite_in_use_first_and_its_key(suite: Suite) -> None:
    """baresip 1.0 takes the first that it knows, says so, and goes on with the one before."""
    world = World(planned(trunk=REQUIRED, east=REQUIRED))
    of_line = LinePhone(world)
    world.call(body=offering(b"t" * suite.key_bytes, suite=suite))
    world.run(500)
    (answered,) = crypto_in(answers(world)[0])
    hold = offering(b"l" * 44, version=2, direction=Direction.SENDONLY, suite=OFFERED_SUITES[0])
    (leg,) = [fact.leg for fact in of_line.phone.facts if isinstance(fact, InviteReceived)]
    of_line.phone.agent.offer(leg, hold, world.now_ns)
    world.run(300)
    (offered,) = [crypto_in(fact.offer) for fact in world.caller.facts if isinstance(fact, OfferReceived)]
    assert (offered[0].suite, offered[0].key) == (suite, answered.key)
    assert {each.suite for each in offered} == {suite, *OFFERED_SUITES}
    assert [each.tag for each in offered] == list(range(1, len(offered) + 1))


@pytest.mark.parametrize("trunk", [OPTIONAL, REQUIRED])
def test_a_call_that_is_encrypted_stays_so(trunk: SrtpMode) -> None:
    world = World(planned(trunk=trunk))
    LinePhone(world)
    leg = world.call(body=offering())
    world.run(500)
    port = world.told(mc.Bridge)[0].a
    before = remotes(world)[port]
    reoffer(world, leg, offering(None, version=2))
    assert [fact.status for fact in world.caller.facts if isinstance(fact, OfferRefused)] == [488]
    assert remotes(world)[port] == before
    assert not world.endings()


def test_a_plain_call_may_become_encrypted() -> None:
    world = World(planned(trunk=OPTIONAL))
    LinePhone(world)
    leg = world.call(body=offering(None))
    world.run(500)
    reoffer(world, leg, offering(version=2))
    told = remotes(world)[world.told(mc.Bridge)[0].a]
    assert [each is not None for each in told] == [False, True]


@pytest.mark.parametrize(("encrypted", "words"), [(True, ", its audio encrypted"), (False, "")])
def test_the_record_says_which_legs_are_encrypted(words: str, *, encrypted: bool) -> None:
    world = World(planned(trunk=OPTIONAL, east=REQUIRED if encrypted else OFF))
    LinePhone(world)
    leg = world.call(body=offering(THEIRS if encrypted else None))
    world.run(500)
    world.leave(leg)
    world.run(5_000)
    told = [event_words(each.event, each.facts, ("caller", "east"), time_zone("UTC")) for each in world.records[0].events]
    assert {f"the call comes in{words}", f"east answers{words}"} <= set(told)


def test_keys_are_in_no_journal_record_or_log() -> None:
    world = World(planned(trunk=REQUIRED, east=REQUIRED))
    LinePhone(world)
    leg = world.call(body=offering())
    world.run(500)
    world.leave(leg)
    world.run(5_000)
    kept = [repr(world.journal), repr(world.records), repr(world.orders), repr(list(world.engine._calls))]
    secret = [key for told in remotes(world).values() for each in told if each is not None for key in (each.send, each.receive)]
    assert secret
    for key in secret:
        assert not any(repr(key)[2:-1] in text for text in kept)
    assert not any("inline:" in text for text in kept)


class RefusingPhone(LinePhone):
    """A line that refuses encrypted audio by `status`, and plain audio by `then`; None: it answers that."""

    def __init__(self, world: World, *, status: int, then: int | None = None) -> None:
        super().__init__(world)
        self.status, self.then = status, then

    def on_fact(self, fact: Fact) -> None:
        refusal = self.status if isinstance(fact, InviteReceived) and b"RTP/SAVP" in fact.offer else self.then
        if isinstance(fact, InviteReceived) and refusal is not None:
            self.offers.append(fact.offer)
            self.phone.agent.refuse(fact.leg, refusal, self.world.now_ns)
        else:
            super().on_fact(fact)


@pytest.mark.parametrize("status", [415, 488, 606])
def test_a_line_that_need_not_encrypt_is_offered_plain_audio_and_that_is_told(status: int) -> None:
    world = World(planned(east=OPTIONAL))
    of_line = RefusingPhone(world, status=status)
    leg = world.call()
    world.run(500)
    assert [bool(crypto_in(body)) for body in of_line.offers] == [True, False]
    (bridge,) = world.told(mc.Bridge)
    assert remotes(world)[bridge.b][-1] is None
    reoffer(world, leg, offering(None, version=2, direction=Direction.SENDONLY))
    assert [bool(crypto_in(body)) for body in of_line.offers] == [True, False, False]
    world.leave(leg)
    world.run(5_000)
    (judged,) = world.records
    assert [(attempt.line, attempt.outcome) for attempt in judged.record.attempts] == [("east", "answered")]
    told = [event_words(each.event, each.facts, ("caller", "east"), time_zone("UTC")) for each in judged.events]
    assert f"east does not take encrypted audio (SIP {status}) and is offered plain audio" in told
    (logged,) = [effect.what for effect in world.effects if isinstance(effect, LogPeer)]
    assert f"answers {status} to encrypted audio: it is offered plain audio" in logged
    assert world.engine.statistics()["srtp_refused"] == {EAST.host: 1}


def test_a_line_that_need_not_encrypt_and_does_is_asked_once() -> None:
    world = World(planned(east=OPTIONAL))
    of_line = LinePhone(world)
    world.call()
    world.run(500)
    assert [bool(crypto_in(body)) for body in of_line.offers] == [True]
    assert remotes(world)[world.told(mc.Bridge)[0].b][-1] is not None


def test_a_line_that_need_not_encrypt_and_answers_so_has_no_plain_answer_taken() -> None:
    """It must refuse what it does not have: an answer in another transport is none (RFC 3264 §6)."""
    world = World(planned(east=OPTIONAL, west=OFF))
    LinePhone(world, key=None)
    of_west = LinePhone(world, at=WEST, key=None)
    world.call()
    world.run(1_000)
    assert len(of_west.offers) == 1


@pytest.mark.parametrize(
    ("east", "status", "then", "offers"),
    [(REQUIRED, 488, None, 1), (OFF, 488, 488, 1), (OPTIONAL, 486, None, 1), (OPTIONAL, 488, 488, 2), (OPTIONAL, 488, 486, 2)],
)
def test_plain_audio_is_offered_once_and_for_nothing_else(east: SrtpMode, status: int, then: int | None, offers: int) -> None:
    world = World(planned(east=east))
    of_line = RefusingPhone(world, status=status, then=then)
    LinePhone(world, at=WEST, key=None)
    world.call()
    world.run(1_000)
    assert len(of_line.offers) == offers
    (bridge,) = world.told(mc.Bridge)  # with the next line
    assert remotes(world)[bridge.b][-1] is None
