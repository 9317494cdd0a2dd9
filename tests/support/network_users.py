"""People at the phones of a `NetworkWorld`, who do anything at any time, and the troubles of its network: all drawn from its seed."""

from functools import partial

from engine_world import PROMPT_MS, SWITCH
from network_world import CARRIERS, LINES, NUMBERS, NetworkWorld, UserLeg
from referring import send_refer
from simulated_network import Phone

from media import control as mc
from switch.call.moment import NS_PER_MS
from switch.sip import offer_answer, sdp
from switch.sip.digest import Credentials, Secret
from switch.sip.fact import AnswerReceived, Fact, InviteReceived, LegTerminated, OfferAccepted, OfferReceived, OfferRefused
from switch.sip.flow import Flow
from switch.sip.peer import DEFAULT_PEER, PeerProfile, Realm
from switch.sip.requests import Fields
from switch.sip.sdp import Direction

ARRIVE_MS = 60_000
"""All calls arrive within this time."""
PATIENCE_MS = 130_000
"""A phone whose call has no other end is put down after so long."""
END_MS = 420_000
"""By then the last leg is over, and the last transaction too."""


class RandomCalls(NetworkWorld):
    """`calls` of them, in a world whose troubles are drawn from `seed` too. `quiet_network`: nothing is lost, cut off or killed."""

    def __init__(self, *, seed: int, calls: int) -> None:
        super().__init__(seed=seed)
        self._rtp_of: dict[str, int] = {}
        self._by_number: dict[tuple[Flow, int], UserLeg] = {}
        self._carriers = {name: self._phone(address) for name, address in CARRIERS.items()}
        for address in dict.fromkeys(LINES.values()):
            self._phone(address)
        self._phones[LINES["e"]].peer = PeerProfile(realm=Realm(name="e", accounts={"e": (DEFAULT_PEER, Secret("hush e"))}))
        numbers = [number for number, weight in NUMBERS.items() for _ in range(weight)]
        for place in range(calls):
            self.after(self.random.randrange(ARRIVE_MS), partial(self._call, f"call-{place}", self.random.choice(numbers)))
        self.quiet_network = self.random.random() < 0.25
        if not self.quiet_network:
            self._draw_troubles()

    def played(self) -> "RandomCalls":
        self.run(END_MS)
        return self

    def _draw_troubles(self) -> None:
        draw = self.random
        self.loss = draw.choice([0.0, 0.02, 0.1, 0.25])
        self.doubling = draw.choice([0.0, 0.1, 0.3])
        self.delay_ms = draw.choice([(5, 5), (1, 60), (1, 400), (20, 1_500)])
        self.sync_ms = draw.choice([1, 40, 900])
        for _ in range(draw.choice([0, 0, 1, 3])):
            host = draw.choice([flow.host for flow in (*CARRIERS.values(), *LINES.values())])
            self.after(draw.randrange(ARRIVE_MS), partial(self.cut, host, ms=draw.choice([2_000, 20_000, 50_000])))
        for _ in range(draw.choice([0, 0, 1, 2])):
            self.after(
                draw.randrange(ARRIVE_MS), partial(self.kill, effects=draw.randrange(12), ms=draw.choice([300, 2_000, 9_000]))
            )
        for _ in range(draw.choice([0, 0, 2])):
            jump_us = draw.choice([-86_400, -3_600, -2, 2, 3_600, 86_400]) * 1_000_000
            self.after(draw.randrange(2 * ARRIVE_MS), partial(self._jump, jump_us))
        if draw.random() < 0.15:
            self.after(draw.randrange(ARRIVE_MS), self.lose_worker)

    def _jump(self, us: int) -> None:
        self.jump_us += us

    # phones

    def _phone(self, address: Flow) -> Phone:
        phone = self.phone(address, lambda fact: self._hears(phone, fact))
        return phone

    def _take(self, phone: Phone, number: int, call_id: str) -> UserLeg:
        host = phone.address.host
        self._rtp_of[host] = rtp = self._rtp_of.get(host, 2_000) + 2
        leg = UserLeg(number=number, host=host, call_id=call_id, rtp=rtp, began_ns=self.now_ns)
        self._by_number[phone.address, number] = leg
        self.after(PATIENCE_MS, partial(self._hang_up, phone, leg))
        for _ in range(self.random.choice([0, 0, 0, 1, 4])):
            self.after(self.random.randrange(30_000), partial(self._renegotiate, phone, leg))
        return self.new_leg(leg)

    def _hang_up(self, phone: Phone, leg: UserLeg) -> None:
        """Hangs up, cancels or refuses, whatever is right by then."""
        if leg.ended_ns is None:
            leg.left, leg.ended_ns = True, self.now_ns
            phone.agent.hangup(leg.number, self.now_ns)

    def _hears(self, phone: Phone, fact: Fact) -> None:
        if isinstance(fact, InviteReceived):
            self._is_called(phone, fact)
            return
        leg = self._by_number[phone.address, fact.leg]
        match fact:
            case AnswerReceived() if leg.left:  # it crossed our CANCEL
                phone.agent.hangup(fact.leg, self.now_ns)
            case AnswerReceived():
                leg.answered_ns = self.now_ns
            case OfferReceived(offer=offer):
                self._is_asked(phone, leg, offer)
            case OfferAccepted() | OfferRefused():
                leg.outcomes += 1
            case LegTerminated() if leg.ended_ns is None:
                leg.ended_ns = self.now_ns

    # callers

    def _call(self, call_id: str, number: str) -> None:
        """Most stay for a while, some give up at once, some in the middle of anything."""
        draw = self.random
        phone = self._carriers[draw.choice([*CARRIERS])]
        secret = draw.choice(["hush south"] * 15 + ["hush north"])
        leg = self._take(phone, 0, call_id)
        offer = b"" if draw.random() < 0.02 else self._sdp(leg)
        leg.number = phone.agent.invite(
            uri=f"sip:{number}@{SWITCH.host}",
            target=SWITCH,
            caller=f"+1212555{draw.randrange(10_000):04d}",
            body=offer,
            now_ns=self.now_ns,
            call_id=call_id,
            peer=PeerProfile(credentials=Credentials(username="south", secret=Secret(secret))),
        )
        self._by_number[phone.address, leg.number] = leg
        stays_ms = draw.choice([draw.randrange(most) for most in (200, 3_000, 20_000, 80_000, 80_000)])
        self.after(stays_ms, partial(self._hang_up, phone, leg))

    def _sdp(self, leg: UserLeg) -> bytes:
        return offer_answer.offer(host=leg.host, port=leg.rtp, session_id=leg.rtp, version=1)

    # lines

    def _is_called(self, phone: Phone, fact: InviteReceived) -> None:
        """Most ring and answer; others are busy, fail, say nothing, ring for ever, answer too late or with nothing that can be heard."""
        draw = self.random
        leg = self._take(phone, fact.leg, fact.call_id)
        manner = draw.choice(["answers"] * 12 + ["busy", "fails", "silent", "rings", "late", "deaf"])
        if manner == "silent":
            return
        if manner in {"busy", "fails"}:
            self.after(draw.choice([0, 300]), partial(self._refuse, phone, leg, 486 if manner == "busy" else 503))
            return
        if draw.random() < 0.9:
            phone.agent.progress(fact.leg, 180, self.now_ns)
        if manner == "rings":
            return
        answer_ms = draw.randrange(5_900, 9_300) if manner == "late" else draw.choice([0, 10, 500, draw.randrange(4_000)])
        self.after(
            answer_ms, partial(self._answer, phone, leg, b"v=0\r\n" if manner == "deaf" else self._answer_to(leg, fact.offer))
        )
        if draw.random() < 0.25:
            self._transfer_later(phone, leg, answer_ms + draw.randrange(8_000))
        if draw.random() < 0.5:
            talk_ms = draw.choice([0, 1_000, 5_000, draw.randrange(15_000), draw.randrange(60_000)])
            self.after(answer_ms + talk_ms, partial(self._hang_up, phone, leg))

    def _transfer_later(self, phone: Phone, leg: UserLeg, ms: int) -> None:
        """The line sends its caller on, mostly to another desk of its own, and hangs up then, or later, or not at all."""
        draw = self.random
        desk = draw.choice([phone.address] * 6 + [LINES["a"], LINES["c"], Flow("203.0.113.99", 5060)])
        extra: Fields = draw.choice([(), (), (("Refer-Sub", "false"),)])
        to = f"sip:desk@{desk.host}:{desk.port}"
        self.after(ms, lambda: send_refer(phone.agent, leg.number, to, self.now_ns, extra=extra))
        if draw.random() < 0.7:
            self.after(ms + draw.choice([0, 1, 50, 2_000]), partial(self._hang_up, phone, leg))

    def _refuse(self, phone: Phone, leg: UserLeg, status: int) -> None:
        if leg.ended_ns is None:
            leg.left, leg.ended_ns = True, self.now_ns
            phone.agent.refuse(leg.number, status, self.now_ns)

    def _answer(self, phone: Phone, leg: UserLeg, body: bytes) -> None:
        if leg.ended_ns is None:
            leg.answered_ns = self.now_ns
            phone.agent.answer(leg.number, body, self.now_ns)

    def _answer_to(self, leg: UserLeg, offer: bytes) -> bytes:
        description = sdp.parse_sdp(offer)
        assert description is not None, offer
        agreed = offer_answer.answer(description, hosts=(leg.host,), port=leg.rtp, session_id=leg.rtp, version=1)
        assert isinstance(agreed, offer_answer.NegotiatedMedia), offer
        return agreed.body

    # both

    def _renegotiate(self, phone: Phone, leg: UserLeg) -> None:
        """In the middle of talk: hold, resume, other audio ports, or an INVITE without SDP."""
        if leg.answered_ns is None or leg.ended_ns is not None or leg.offers > leg.outcomes:
            return
        leg.renegotiated = True
        leg.version += 1
        leg.offers += 1
        direction = self.random.choice([*Direction])
        body = offer_answer.offer(host=leg.host, port=leg.rtp, session_id=leg.rtp, version=leg.version, direction=direction)
        phone.agent.offer(leg.number, body if self.random.random() < 0.9 else b"", self.now_ns)

    def _is_asked(self, phone: Phone, leg: UserLeg, offer: bytes) -> None:
        """A re-INVITE is accepted, declined, or left alone for a while."""
        leg.renegotiated = True
        draw = self.random
        if draw.random() < 0.2:
            self.after(draw.randrange(3_000), lambda: phone.agent.decline(leg.number, 488, self.now_ns))
        else:
            body = self._answer_to(leg, offer) if offer else self._sdp(leg)
            self.after(draw.choice([0, 300]), lambda: phone.agent.accept(leg.number, body, self.now_ns))

    def _obey(self, order: mc.Order) -> None:
        super()._obey(order)
        if isinstance(order, mc.Play) and self.random.random() < 0.85:
            key = self.random.choice({"welcome": "1112", "press-1": "111"}.get(order.prompt, "1"))
            self._while_up(self.random.randrange(2 * PROMPT_MS), partial(self._press, order.port, key))

    def _press(self, port: int, key: str) -> None:
        self.report(mc.DigitReceived(port=port, digit=key, at_ns=self.now_ns))


def seconds(ns: int) -> str:
    return f"{ns / 1_000 / NS_PER_MS:.3f}"
