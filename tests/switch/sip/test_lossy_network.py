"""Two agents back to back over a network that loses, doubles and reorders datagrams: what both sides could complete, they do.

Invariants, whatever happens: one `LegTerminated` per leg, no fact after it, nothing kept once the timers have run out, never an exception.
Every failure prints its seed.
"""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_network import Phone
from sip_world import (
    ANSWER,
    LONG_MS,
    NOTHING_HELD,
    OFFER,
    OURS,
    PATIENCE_MS,
    PEER,
    Drop,
    OnFact,
    Solo,
    World,
    request,
    response,
    tokens,
)

from switch.sip.agent import UserAgent
from switch.sip.fact import (
    AckReceived,
    AnswerReceived,
    EndReason,
    Fact,
    InviteReceived,
    LegTerminated,
    OfferAccepted,
    OfferReceived,
    OfferRefused,
    ProvisionalReceived,
)
from switch.sip.message import Request, Response, parse
from switch.sip.peer import DEFAULT_PEER

CALLER_HOST, CALLEE_HOST = "10.0.0.1", "10.0.0.2"
SEEDS = range(12)


def pair(world: World) -> tuple[Phone, Phone]:
    return world.phone(CALLER_HOST), world.phone(CALLEE_HOST)


def check(world: World, *phones: Phone, seed: int = 0) -> None:
    """Let all timers run out, then look at the invariants."""
    world.run(LONG_MS + 200_000)
    for phone in phones:
        for leg in sorted({fact.leg for fact in phone.facts}):
            facts = phone.of(leg)
            endings = [fact for fact in facts if isinstance(fact, LegTerminated)]
            assert len(endings) == 1, f"seed {seed}: leg {leg} at {phone.address}: {facts}"
            assert facts[-1] is endings[0], f"seed {seed}: leg {leg} at {phone.address}: {facts}"
        assert phone.agent.live_counts() == NOTHING_HELD, f"seed {seed}: {phone.address} keeps {phone.agent.live_counts()}"


def last(phone: Phone, leg: int = 1) -> LegTerminated:
    ended = phone.of(leg)[-1]
    assert isinstance(ended, LegTerminated)
    return ended


def test_a_call_on_a_good_network_takes_seven_messages() -> None:
    world = World()
    caller, callee = pair(world)
    leg = world.call(caller, callee)
    world.after(5_000, lambda: caller.agent.hangup(leg, world.now_ns, q850=16))
    check(world, caller, callee)
    assert world.names() == ["INVITE", "100 INVITE", "180 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]
    assert [type(fact) for fact in caller.facts] == [ProvisionalReceived, AnswerReceived, LegTerminated]
    assert [type(fact) for fact in callee.facts] == [InviteReceived, AckReceived, LegTerminated]
    assert last(callee) == LegTerminated(leg=1, why=EndReason.BYE, by_peer=True, status=200, q850=16)


@pytest.mark.parametrize("name", ["INVITE", "100 INVITE", "180 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"])
@pytest.mark.parametrize("times", [1, 3])
def test_any_one_message_may_be_lost(name: str, times: int) -> None:
    world = World()
    world.drops = [Drop(name=name, times=times)]
    caller, callee = pair(world)
    leg = world.call(caller, callee)
    world.after(20_000, lambda: caller.agent.hangup(leg, world.now_ns))
    check(world, caller, callee)
    assert [fact.body for fact in caller.facts if isinstance(fact, AnswerReceived)] == [ANSWER]
    assert AckReceived(leg=1, body=b"") in callee.facts
    assert (last(caller).why, last(callee).why) == (EndReason.BYE, EndReason.BYE)


def test_the_first_200_lost_is_sent_again_after_t1() -> None:
    world = World()
    world.drops = [Drop(name="200 INVITE")]
    caller, callee = pair(world)
    leg = world.call(caller, callee)
    world.run(2_000)
    assert [(ms, name) for ms, _, _, name in world.log if name == "200 INVITE"] == [(5, "200 INVITE"), (505, "200 INVITE")]
    caller.agent.hangup(leg, world.now_ns)
    check(world, caller, callee)


def test_every_ack_lost_ends_both_sides() -> None:
    world = World()
    world.drops = [Drop(name="ACK", times=1_000)]
    caller, callee = pair(world)
    world.call(caller, callee)
    check(world, caller, callee)
    assert (last(callee).why, last(callee).by_peer) == (EndReason.NO_ACK, False)
    assert (last(caller).why, last(caller).by_peer) == (EndReason.BYE, True)


def test_a_dead_peer_is_a_timeout() -> None:
    world = World(loss=1.0)
    caller, callee = pair(world)
    world.call(caller, callee)
    check(world, caller, callee)
    assert caller.facts == [LegTerminated(leg=1, why=EndReason.TIMEOUT, by_peer=False, status=None)]
    assert callee.facts == []


def ring_only(world: World, phone: Phone, fact: Fact) -> None:
    if isinstance(fact, InviteReceived):
        phone.agent.progress(fact.leg, 180, world.now_ns)


def refuse(world: World, phone: Phone, fact: Fact) -> None:
    if isinstance(fact, InviteReceived):
        phone.agent.progress(fact.leg, 180, world.now_ns)
        phone.agent.refuse(fact.leg, 486, world.now_ns)


@pytest.mark.parametrize("name", ["CANCEL", "200 CANCEL", "487 INVITE", "ACK", "180 INVITE"])
def test_cancelling_survives_a_loss(name: str) -> None:
    world = World()
    world.drops = [Drop(name=name)]
    caller, callee = world.phone(CALLER_HOST), world.phone(CALLEE_HOST, on_fact=ring_only)
    leg = world.call(caller, callee)
    world.after(3_000, lambda: caller.agent.hangup(leg, world.now_ns))
    check(world, caller, callee)
    assert (last(caller).why, last(caller).by_peer) == (EndReason.CANCELLED, False)
    assert (last(callee).why, last(callee).by_peer) == (EndReason.CANCELLED, True)


@pytest.mark.parametrize("hangup_ms", range(18))
def test_the_cancel_that_races_the_200(hangup_ms: int) -> None:
    """The caller gives up, the callee answers 5 ms after ringing: whichever wins, both sides agree on the end."""

    def answer_late(world: World, phone: Phone, fact: Fact) -> None:
        if isinstance(fact, InviteReceived):
            phone.agent.progress(fact.leg, 180, world.now_ns)
            world.after(5, lambda: phone.agent.answer(fact.leg, ANSWER, world.now_ns))

    def hang_up_again(world: World, phone: Phone, fact: Fact) -> None:
        if isinstance(fact, AnswerReceived) and world.now_ns >= hangup_ms * 1_000_000:
            phone.agent.hangup(fact.leg, world.now_ns)

    world = World()
    caller, callee = world.phone(CALLER_HOST, on_fact=hang_up_again), world.phone(CALLEE_HOST, on_fact=answer_late)
    leg = world.call(caller, callee)
    world.after(hangup_ms, lambda: caller.agent.hangup(leg, world.now_ns))
    check(world, caller, callee)
    assert last(caller).why == last(callee).why
    assert last(caller).why in (EndReason.CANCELLED, EndReason.BYE)


def hang_up_both(world: World, caller: Phone, callee: Phone, leg: int, *, at_ms: int, apart_ms: int) -> None:
    world.after(at_ms, lambda: caller.agent.hangup(leg, world.now_ns))
    world.after(at_ms + apart_ms, lambda: callee.agent.hangup(1, world.now_ns))


@pytest.mark.parametrize("apart_ms", range(0, 16, 3))
def test_byes_that_cross_end_both_sides_once(apart_ms: int) -> None:
    world = World()
    caller, callee = pair(world)
    leg = world.call(caller, callee)
    hang_up_both(world, caller, callee, leg, at_ms=1_000, apart_ms=apart_ms)
    check(world, caller, callee)
    assert "481 BYE" not in world.names()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("loss", [0.1, 0.3])
def test_every_call_that_could_complete_does(seed: int, loss: float) -> None:
    """An INVITE has 7 tries: at 30 % loss two calls in ten thousand never arrive, none of them among these seeds."""
    world = World(seed=seed, loss=loss, doubling=0.2, delay_ms=(1, 400))
    caller, callee = pair(world)
    legs = [world.call(caller, callee) for _ in range(10)]
    for leg in legs:
        world.after(60_000, lambda leg=leg: caller.agent.hangup(leg, world.now_ns))  # type: ignore[misc]
    check(world, caller, callee, seed=seed)
    for leg in legs:
        assert [fact.body for fact in caller.of(leg) if isinstance(fact, AnswerReceived)] == [ANSWER], (
            f"seed {seed}: {caller.of(leg)}"
        )
        assert last(caller, leg).why is EndReason.BYE, f"seed {seed}: {caller.of(leg)}"
    assert len([fact for fact in callee.facts if isinstance(fact, InviteReceived)]) == len(legs), (
        f"seed {seed}: a copy was taken for a call"
    )
    assert len([fact for fact in callee.facts if isinstance(fact, AckReceived)]) == len(legs), f"seed {seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_refusals_get_through(seed: int) -> None:
    world = World(seed=seed, loss=0.3, doubling=0.2, delay_ms=(1, 400))
    caller, callee = world.phone(CALLER_HOST), world.phone(CALLEE_HOST, on_fact=refuse)
    legs = [world.call(caller, callee) for _ in range(10)]
    check(world, caller, callee, seed=seed)
    for leg in legs:
        assert last(caller, leg) == LegTerminated(leg=leg, why=EndReason.REFUSED, by_peer=True, status=486), f"seed {seed}"


def moody(random: Random) -> OnFact:
    """A user who does anything at any time."""

    def on_fact(world: World, phone: Phone, fact: Fact) -> None:
        if isinstance(fact, LegTerminated):
            return
        agent, leg = phone.agent, fact.leg
        actions = [
            lambda: agent.progress(leg, 180, world.now_ns),
            lambda: agent.progress(leg, 183, world.now_ns, body=ANSWER),
            lambda: agent.offer(leg, OFFER, world.now_ns),
            lambda: agent.offer(leg, b"", world.now_ns),
            lambda: agent.answer(leg, ANSWER, world.now_ns),
            lambda: agent.refuse(leg, 486, world.now_ns),
            lambda: agent.accept(leg, ANSWER, world.now_ns),
            lambda: agent.decline(leg, 488, world.now_ns),
            lambda: agent.hangup(leg, world.now_ns),
        ]
        for _ in range(random.randint(0, 4)):
            world.after(random.randint(0, 3_000), random.choice(actions))
        world.after(random.randint(0, 60_000), lambda: agent.hangup(leg, world.now_ns))

    return on_fact


@pytest.mark.parametrize("seed", range(40))
def test_whatever_users_and_network_do_every_leg_ends_once(seed: int) -> None:
    random = Random(seed)
    world = World(seed=seed, loss=random.choice([0, 0.1, 0.3, 0.6]), doubling=0.3, delay_ms=(0, 800))
    phones = [world.phone(f"10.0.0.{n}", on_fact=moody(random)) for n in (1, 2)]
    for _ in range(8):
        caller, callee = random.sample(phones, 2)
        leg = world.call(caller, callee)
        world.after(random.randint(0, 40_000), lambda a=caller.agent, leg=leg: a.hangup(leg, world.now_ns))  # type: ignore[misc]
        world.run(random.randint(0, 2_000))
    for phone in phones:
        for leg in range(1, 30):
            world.after(90_000, lambda a=phone.agent, leg=leg: a.hangup(leg, world.now_ns))  # type: ignore[misc]
    check(world, *phones, seed=seed)


def sdp_of(phone: Phone, leg: int) -> tuple[bytes, bytes]:
    """What this side described last, and what the far end did, by the facts that it heard after the answer; "" before any offer."""
    ours = theirs = b""
    for fact in phone.of(leg):
        match fact:
            case OfferReceived(offer=offer):
                ours, theirs = b"answer to " + offer, offer
            case OfferAccepted(body=body):
                ours, theirs = body.removeprefix(b"answer to "), body
    return ours, theirs


def by_name(world: World, phone: Phone, fact: Fact) -> None:
    """Answers, and says in each answer to which offer."""
    if isinstance(fact, InviteReceived):
        phone.agent.answer(fact.leg, ANSWER, world.now_ns)
    elif isinstance(fact, OfferReceived):
        phone.agent.accept(fact.leg, b"answer to " + fact.offer, world.now_ns)


@pytest.mark.parametrize("seed", range(20))
def test_after_glare_both_sides_agree(seed: int) -> None:
    world = World(seed=seed, delay_ms=(5, 60))
    caller, callee = world.phone(CALLER_HOST, on_fact=by_name), world.phone(CALLEE_HOST, on_fact=by_name)
    leg = world.call(caller, callee)
    world.run(2_000)
    world.loss, world.doubling = 0.15, 0.2
    for round_ in range(3):
        caller.agent.offer(leg, f"v=0 caller {round_}".encode(), world.now_ns)
        callee.agent.offer(1, f"v=0 callee {round_}".encode(), world.now_ns)
        world.run(PATIENCE_MS)
    assert "491 INVITE" in world.names()
    outcomes = [fact for phone in (caller, callee) for fact in phone.facts if isinstance(fact, OfferAccepted | OfferRefused)]
    assert [type(fact) for fact in outcomes] == [OfferAccepted] * 6, f"seed {seed}"
    (ours, theirs), (far_ours, far_theirs) = sdp_of(caller, leg), sdp_of(callee, 1)
    assert (ours, theirs) == (far_theirs, far_ours), f"seed {seed}"
    assert ours, f"seed {seed}"
    caller.agent.hangup(leg, world.now_ns)
    check(world, caller, callee, seed=seed)


def test_one_seed_is_one_history() -> None:
    def history(seed: int) -> list[object]:
        world = World(seed=seed, loss=0.3, doubling=0.3, delay_ms=(1, 400))
        caller, callee = pair(world)
        leg = world.call(caller, callee)
        world.after(9_000, lambda: caller.agent.hangup(leg, world.now_ns))
        world.run(100_000)
        return [*world.log, *caller.facts, *callee.facts]

    assert history(7) == history(7)
    assert history(7) != history(8)


# what strangers may send


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_noise_is_survived(data: bytes) -> None:
    solo = Solo()
    solo.in_call()
    solo.agent.receive(data, PEER, solo.now_ns, peer=DEFAULT_PEER)
    solo.agent.to_send()


CONVERSATION = [
    request("INVITE", body=OFFER),
    request("ACK", branch="z9hG4bKack", to_tag="a1"),
    request("INVITE", branch="z9hG4bKre", to_tag="a1", cseq=2, body=OFFER, extra=["Record-Route: <sip:203.0.113.1;lr>"]),
    request("ACK", branch="z9hG4bKack2", to_tag="a1", cseq=2),
    request("CANCEL"),
    request("OPTIONS", branch="z9hG4bKo", extra=["Require: 100rel", "P-Asserted-Identity: <sip:+1@x>"]),
    request("BYE", branch="z9hG4bKbye", to_tag="a1", cseq=3, extra=["Reason: Q.850;cause=16"]),
]
SPLICES = [
    b"",
    b"\r\n",
    b"\0",
    b";",
    b",",
    b'"',
    b"<",
    b">",
    b":",
    b" ",
    b"%00",
    b"%0d%0a",
    b"\xff",
    b"[",
    b"z9hG4bK",
    b";tag=a1",
    b"99999999999",
]


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A message of the conversation with a few bytes cut out and something put in."""
    data = draw(st.sampled_from(CONVERSATION))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 6))
        data = data[:at] + draw(st.sampled_from(SPLICES)) + data[at + cut :]
    return data


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(spoiled(), st.integers(0, 40_000), st.integers(0, 5), st.booleans()), max_size=10))
def test_spoiled_messages_in_any_order_break_nothing(script: list[tuple[bytes, int, int, bool]]) -> None:
    solo = Solo()
    facts: list[Fact] = []
    for data, pause_ms, action, is_trunk in script:
        solo.agent.receive(data, PEER, solo.now_ns, peer=DEFAULT_PEER if is_trunk else None)
        for leg in (1, 2):
            if action == 1:
                solo.agent.answer(leg, ANSWER, solo.now_ns)
            elif action == 2:
                solo.agent.accept(leg, ANSWER, solo.now_ns)
            elif action == 3:
                solo.agent.hangup(leg, solo.now_ns)
        for wire, _, _ in solo.agent.to_send():
            is_refusal = wire.startswith((b"SIP/2.0 400", b"SIP/2.0 505"))  # these echo what is broken
            assert is_refusal or isinstance(parse(wire), Request | Response), wire
        solo.wait(pause_ms)
        facts += solo.facts()
    for leg in range(1, 20):
        solo.agent.hangup(leg, solo.now_ns)
    solo.said()
    solo.wait(LONG_MS)
    facts += solo.facts()
    assert solo.agent.live_counts() == NOTHING_HELD
    for leg in {fact.leg for fact in facts}:
        assert [isinstance(fact, LegTerminated) for fact in facts if fact.leg == leg][-1]
        assert sum(isinstance(fact, LegTerminated) for fact in facts if fact.leg == leg) == 1


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_spoiled_answers_break_nothing(data: st.DataObject) -> None:
    solo = Solo()
    leg, invite = solo.calling()
    for _ in range(data.draw(st.integers(1, 5))):
        answer = response(
            invite, data.draw(st.sampled_from([100, 180, 200, 302, 486, 699])), extra=["Record-Route: <sip:203.0.113.1>"]
        )
        at = data.draw(st.integers(0, len(answer)))
        answer = answer[:at] + data.draw(st.sampled_from(SPLICES)) + answer[at + data.draw(st.integers(0, 4)) :]
        solo.agent.receive(answer, PEER, 0, peer=DEFAULT_PEER)
    solo.agent.hangup(leg, 0)
    solo.said()
    solo.wait(LONG_MS)
    facts = solo.facts()
    if any(isinstance(fact, AnswerReceived) for fact in facts) and not isinstance(facts[-1], LegTerminated):
        solo.agent.hangup(leg, solo.now_ns)
        solo.wait(LONG_MS)
        facts += solo.facts()
    assert isinstance(facts[-1], LegTerminated)
    assert solo.agent.live_counts() == NOTHING_HELD


def test_an_agent_may_call_itself() -> None:
    """One address, one table for both sides: client and server transactions have the same names."""
    agent = UserAgent(listeners=(OURS,), token=tokens("s"))
    leg = agent.invite(uri="sip:me@192.0.2.1", target=OURS, caller="1", body=OFFER, now_ns=0)
    facts: list[Fact] = []

    def pump(now_ns: int) -> None:
        while sent := agent.to_send():
            for data, _, _ in sent:
                agent.receive(data, OURS, now_ns, peer=DEFAULT_PEER)
        facts.extend(agent.facts())

    pump(0)
    agent.answer(leg + 1, ANSWER, 0)
    pump(0)
    agent.hangup(leg, 0)
    farewell = agent.to_send()
    agent.receive(*farewell[0][:2], 0, peer=DEFAULT_PEER)
    pump(0)
    agent.tick(6_000_000_000)  # past Timer K: the client is gone, the server must not be
    agent.receive(*farewell[0][:2], 6_000_000_000, peer=DEFAULT_PEER)
    assert agent.to_send()[0][0].startswith(b"SIP/2.0 200")
    assert sorted(fact.leg for fact in facts if isinstance(fact, LegTerminated)) == [1, 2]
    while (due_ns := agent.next_deadline()) is not None:
        agent.tick(due_ns)
    assert agent.live_counts() == NOTHING_HELD
