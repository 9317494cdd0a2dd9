"""Two agents whose users do what they like, over a network that also changes what it carries: every leg ends once, nothing is kept.

Both users send whatever the agent's methods allow at any moment; a meddler in the middle turns answers into others, takes bodies and
headers away, and sends again what it saw long ago. Every failure names its seed.
"""

import gc
import re
from collections.abc import Iterator
from random import Random

import pytest
from simulated_network import Phone
from sip_world import ANSWER, NOTHING_HELD, OFFER, World, tokens

from switch.sip.agent import UserAgent
from switch.sip.dialog import Dialog
from switch.sip.digest import Credentials, Secret
from switch.sip.fact import Fact, LegTerminated
from switch.sip.flow import Flow
from switch.sip.incoming import IncomingLeg
from switch.sip.outgoing import OutgoingLeg
from switch.sip.peer import PeerProfile
from switch.sip.session import Session
from switch.sip.transaction import Transaction

HOSTS = ("10.0.0.1", "10.0.0.2")
SEEDS = range(24)
LAST_ACTION_MS = 400_000
QUIET_MS = 400_000
"""Longer than what a user that hangs up may still wait for, one timer after the other."""
STATUSES = (100, 180, 183, 200, 302, 401, 407, 408, 422, 481, 486, 491, 500, 503, 603)
_STATUS = re.compile(rb"\ASIP/2\.0 [0-9]+")
_EXTRA = {
    401: b'WWW-Authenticate: Digest realm="r", nonce="n"\r\n',
    407: b'Proxy-Authenticate: Digest realm="r", nonce="n"\r\n',
    422: b"Min-SE: 120\r\n",
    183: b"Require: 100rel\r\nRSeq: 7\r\n",
    302: b"Contact: <sip:x@10.0.0.2:5060>\r\n",
}
_ALLOW = re.compile(rb"(?m)^(Allow|Supported|Session-Expires): [^\r]*\r\n")


class Meddled(World):
    """`meddling`: how likely a datagram is changed."""

    def __init__(self, seed: int, *, loss: float, doubling: float, meddling: float) -> None:
        super().__init__(seed=seed, loss=loss, doubling=doubling, delay_ms=(1, 300))
        self.meddling = meddling
        self.seen: list[tuple[bytes, Flow, Flow]] = []

    def fly(self, data: bytes, source: Flow, target: Flow) -> None:
        self.seen.append((data, source, target))
        if self.random.random() < self.meddling:
            data = self._changed(data)
        super().fly(data, source, target)
        if self.random.random() < self.meddling:
            again = self.random.choice(self.seen)
            self.after(self.random.randint(1, 60_000), lambda: self._arrive(*again))

    def _changed(self, data: bytes) -> bytes:
        if data.startswith(b"SIP/2.0"):
            status = self.random.choice(STATUSES)
            data = _STATUS.sub(b"SIP/2.0 %d" % status, data)
            return data.replace(b"\r\n", b"\r\n" + _EXTRA.get(status, b""), 1)
        match self.random.randrange(4):
            case 0:
                return _ALLOW.sub(b"", data)
            case 1:
                return data.replace(b"\r\n", b"\r\nRequire: 100rel\r\n", 1)
            case 2:
                return data.replace(b"\r\n", b"\r\nExpires: 5\r\n", 1)
            case _:
                return re.sub(rb"Content-Length: [0-9]+\r\n\r\n(?s:.*)", b"Content-Length: 0\r\n\r\n", data)


def user(world: Meddled, host: str, chance: Random) -> Phone:
    """A user that does something at random at each fact, now or later."""
    address = Flow(host, 5060)
    agent = UserAgent(listeners=(address,), token=tokens(host.replace(".", "") + "-"))

    def act(leg: int) -> None:
        now_ns = world.now_ns
        match chance.randrange(9):
            case 0:
                agent.progress(leg, chance.choice((180, 182, 183)), now_ns, body=chance.choice((b"", ANSWER)))
            case 1:
                agent.answer(leg, ANSWER, now_ns)
            case 2 | 3:
                agent.offer(leg, chance.choice((OFFER, OFFER, b"")), now_ns)
            case 4 | 5:
                agent.accept(leg, ANSWER, now_ns)
            case 6:
                agent.decline(leg, 488, now_ns)
            case 7:
                agent.refuse(leg, chance.choice((486, 503)), now_ns) if chance.random() < 0.2 else agent.answer(leg, ANSWER, now_ns)
            case _:
                if chance.random() < 0.2:
                    agent.hangup(leg, now_ns)

    def on_fact(fact: Fact) -> None:
        for _ in range(chance.randrange(4)):
            world.after(chance.choice((0, 1, 50, 400, 5_000, 40_000, 900_000)), lambda: act(fact.leg))
        if not isinstance(fact, LegTerminated):  # nobody talks for ever
            world.after(LAST_ACTION_MS, lambda: agent.hangup(fact.leg, world.now_ns))

    profile = PeerProfile(
        session_expires_s=chance.choice((None, 90, 300)),
        credentials=chance.choice((None, Credentials(username="u", secret=Secret("p")))),
        redirects=HOSTS,
    )
    return world.join(Phone(address=address, agent=agent, on_fact=on_fact, peer=profile))


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Python's collector of reference cycles is off: what is freed is freed by its last reference."""
    gc.collect()
    gc.freeze()  # what other tests hold is not looked at
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("seed", SEEDS)
def test_every_leg_ends_once_and_nothing_is_kept(seed: int) -> None:
    """What a leg had is freed with its last transaction, not when the collector looks: that is late, and the peak is higher by so much."""
    chance = Random(seed)
    world = Meddled(seed, loss=chance.choice((0, 0.1, 0.3)), doubling=0.1, meddling=chance.choice((0.0, 0.05, 0.2)))
    phones = [user(world, host, chance) for host in HOSTS]
    for _ in range(6):
        caller, callee = chance.sample(phones, 2)

        def call(caller: Phone = caller, callee: Phone = callee) -> None:
            leg = caller.agent.invite(
                uri=f"sip:line@{callee.address.host}:5060",
                target=callee.address,
                caller="100",
                body=OFFER,
                now_ns=world.now_ns,
                expires_s=chance.choice((None, 20)),
                peer=caller.peer,
            )
            world.after(LAST_ACTION_MS, lambda: caller.agent.hangup(leg, world.now_ns))

        world.after(chance.randrange(20_000), call)
    world.run(2 * LAST_ACTION_MS)
    world.meddling = 0.0
    world.run(4 * QUIET_MS)
    for phone in phones:
        for leg in sorted({fact.leg for fact in phone.facts}):
            facts = phone.of(leg)
            assert [fact for fact in facts if isinstance(fact, LegTerminated)] == [facts[-1]], (seed, phone.address, facts)
        assert phone.agent.live_counts() == NOTHING_HELD, (seed, phone.address)
    kept = {Dialog, IncomingLeg, OutgoingLeg, Session, Transaction}
    assert [each for each in gc.get_objects() if type(each) in kept] == [], seed
