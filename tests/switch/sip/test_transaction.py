"""Timers A to M and every row of RFC 3261 §17 and RFC 6026, one small test each. Times are milliseconds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from sip_world import AGAIN_MS, LONG_MS, PATIENCE_MS, PEER, T1_MS, name_of, read, request, response

from switch.sip.flow import Flow
from switch.sip.message import Message, Request, Response
from switch.sip.received import ReceivedRequest, read_request
from switch.sip.transaction import NS_PER_MS, Timers, Transaction, Transactions
from switch.sip.transaction_table import (
    INVITE_CLIENT,
    INVITE_SERVER,
    OTHER_CLIENT,
    OTHER_SERVER,
    Event,
    TransactionEnd,
    TransactionMachine,
    TransactionState,
)
from switch.timer_heap import TimerHeap

T4_MS = 5_000
A_MS = [500, 1_500, 3_500, 7_500, 15_500, 31_500]
"""When Timer A sends again: the pauses double."""
INVITE = read(request("INVITE"))
BYE = read(request("BYE"))
MACHINES = [INVITE_CLIENT, OTHER_CLIENT, INVITE_SERVER, OTHER_SERVER]


@dataclass
class Rig:
    """One transaction with a user that writes down what it is told."""

    machine: TransactionMachine
    now_ms: int = 0
    sent: list[tuple[int, str]] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    ends: list[TransactionEnd] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.timer_heap: TimerHeap[Callable[[int], None]] = TimerHeap()
        now_ns = self.now_ms * NS_PER_MS
        self.layer = Transactions(timers=Timers(), timer_heap=self.timer_heap, send=self._send)
        if self.machine in (INVITE_CLIENT, OTHER_CLIENT):
            asked = INVITE if self.machine is INVITE_CLIENT else BYE
            assert isinstance(asked, Request)
            self.it = self.layer.start_client(self.machine, asked, key="k", flow=PEER, user=self, now_ns=now_ns)
        else:
            self.it = self.layer.start_server(self.machine, key="k", flow=PEER, call_id="c", tag="", merge_id="m", now_ns=now_ns)
            self.it.user = self

    def _send(self, wire: bytes, flow: Flow, _call_id: str) -> None:
        assert flow == PEER
        self.sent.append((self.now_ms, name_of(read(wire))))

    def on_message(self, transaction: Transaction, message: Request | Response, _now_ns: int) -> None:
        assert transaction is self.it
        self.passed.append(name_of(message))

    def on_end(self, _transaction: Transaction, end: TransactionEnd, _now_ns: int) -> None:
        self.ends.append(end)

    def hear(self, status: int) -> None:
        asked = INVITE if self.machine is INVITE_CLIENT else BYE
        self.it.receive(read(response(asked, status)), self.now_ms * NS_PER_MS)

    def say(self, status: int) -> None:
        asked = INVITE if self.machine is INVITE_SERVER else BYE
        self.it.respond(status, response(asked, status), self.now_ms * NS_PER_MS)

    def again(self, method: str) -> None:
        self.it.receive(read(request(method)), self.now_ms * NS_PER_MS)

    def fail(self) -> None:
        self.it.transport_failed(self.now_ms * NS_PER_MS)

    def wait(self, ms: int) -> list[tuple[int, str]]:
        """What is sent meanwhile: (ms since now, name)."""
        start_ms, self.sent = self.now_ms, []
        while (due_ns := self.timer_heap.next_at()) is not None and due_ns <= (start_ms + ms) * NS_PER_MS:
            self.now_ms = due_ns // NS_PER_MS
            while (callback := self.timer_heap.pop_due(due_ns)) is not None:
                callback(due_ns)
        self.now_ms = start_ms + ms
        return [(at_ms - start_ms, name) for at_ms, name in self.sent]


def in_state(machine: TransactionMachine, state: TransactionState, *, start_ms: int = 0) -> Rig:
    """A rig brought to `state` by what normally leads there, all at `start_ms`."""
    rig = Rig(machine, now_ms=start_ms)
    is_client = machine in (INVITE_CLIENT, OTHER_CLIENT)
    act = rig.hear if is_client else rig.say
    if state is TransactionState.PROCEEDING and machine is not INVITE_SERVER:
        act(180)
    elif state is TransactionState.ACCEPTED:
        act(200)
    elif state in (TransactionState.COMPLETED, TransactionState.CONFIRMED):
        act(486)
    elif state is TransactionState.TERMINATED:
        rig.it.destroy()
    if state is TransactionState.CONFIRMED:
        rig.again("ACK")
    assert rig.it.state is state
    rig.sent, rig.passed = [], []
    return rig


# INVITE client


def test_timer_a_doubles_and_timer_b_ends_it() -> None:
    rig = Rig(INVITE_CLIENT)
    assert rig.wait(PATIENCE_MS - 1) == [(ms, "INVITE") for ms in A_MS]
    assert rig.ends == []
    rig.wait(1)
    assert rig.ends == [TransactionEnd.TIMEOUT]


def test_a_provisional_answer_stops_timers_a_and_b() -> None:
    rig = Rig(INVITE_CLIENT)
    rig.hear(100)
    assert rig.wait(LONG_MS) == []
    assert (rig.it.state, rig.passed, rig.ends) == (TransactionState.PROCEEDING, ["100 INVITE"], [])


@pytest.mark.parametrize("state", [TransactionState.CALLING, TransactionState.PROCEEDING])
def test_a_failure_is_acknowledged_and_passed_once_until_timer_d(state: TransactionState) -> None:
    rig = in_state(INVITE_CLIENT, state)
    rig.hear(486)
    rig.hear(486)
    assert rig.sent == [(0, "ACK"), (0, "ACK")]
    assert rig.passed == ["486 INVITE"]
    rig.wait(PATIENCE_MS - 1)
    assert rig.ends == []
    rig.wait(1)
    assert rig.ends == [TransactionEnd.DONE]


@pytest.mark.parametrize("state", [TransactionState.CALLING, TransactionState.PROCEEDING])
def test_every_2xx_is_passed_until_timer_m(state: TransactionState) -> None:
    rig = in_state(INVITE_CLIENT, state)
    rig.hear(200)
    rig.hear(200)
    assert rig.sent == []
    assert rig.passed == ["200 INVITE", "200 INVITE"]
    assert rig.wait(PATIENCE_MS - 1) == []
    assert rig.ends == []
    rig.wait(1)
    assert rig.ends == [TransactionEnd.DONE]


def test_after_a_2xx_other_answers_are_dropped() -> None:
    rig = in_state(INVITE_CLIENT, TransactionState.ACCEPTED)
    rig.hear(180)
    rig.hear(486)
    assert (rig.sent, rig.passed) == ([], [])


def test_the_ack_to_a_failure_has_the_invites_via_and_the_answers_tag() -> None:
    wires: list[Message] = []
    rig = Rig(INVITE_CLIENT)
    rig.layer.send = lambda wire, _address, _call_id: wires.append(read(wire))
    rig.hear(486)
    (ack,) = wires
    for name in ("Via", "From", "Call-ID"):
        assert ack.headers.all(name) == INVITE.headers.all(name)
    assert ack.headers.get("To") == "<sip:18005550100@192.0.2.1>;tag=pt"
    assert ack.headers.get("CSeq") == "1 ACK"


# other clients


def test_timer_e_doubles_up_to_t2_and_timer_f_ends_it() -> None:
    rig = Rig(OTHER_CLIENT)
    assert rig.wait(PATIENCE_MS - 1) == [(ms, "BYE") for ms in AGAIN_MS]
    rig.wait(1)
    assert rig.ends == [TransactionEnd.TIMEOUT]


def test_in_proceeding_timer_e_is_t2_and_timer_f_still_ends_it() -> None:
    rig = Rig(OTHER_CLIENT)
    assert rig.wait(600) == [(500, "BYE")]
    rig.hear(100)
    assert rig.wait(PATIENCE_MS - 601) == [(ms - 600, "BYE") for ms in range(1_500, PATIENCE_MS, 4_000)]
    assert rig.ends == []
    rig.wait(1)
    assert rig.ends == [TransactionEnd.TIMEOUT]


@pytest.mark.parametrize("state", [TransactionState.TRYING, TransactionState.PROCEEDING])
def test_the_final_answer_is_passed_once_until_timer_k(state: TransactionState) -> None:
    rig = in_state(OTHER_CLIENT, state)
    rig.hear(481)
    rig.hear(481)
    assert rig.wait(T4_MS - 1) == []
    assert (rig.passed, rig.ends) == (["481 BYE"], [])
    rig.wait(1)
    assert rig.ends == [TransactionEnd.DONE]


# INVITE server


def test_a_second_invite_gets_the_last_provisional_again() -> None:
    rig = Rig(INVITE_SERVER)
    rig.say(100)
    rig.say(180)
    rig.again("INVITE")
    assert [name for _, name in rig.sent] == ["100 INVITE", "180 INVITE", "180 INVITE"]


def test_timer_g_repeats_a_failure_and_timer_h_gives_up() -> None:
    rig = in_state(INVITE_SERVER, TransactionState.COMPLETED)
    assert rig.wait(PATIENCE_MS - 1) == [(ms, "486 INVITE") for ms in AGAIN_MS]
    rig.wait(1)
    assert rig.ends == [TransactionEnd.NO_ACK]


def test_a_second_invite_gets_the_failure_again() -> None:
    rig = in_state(INVITE_SERVER, TransactionState.COMPLETED)
    rig.again("INVITE")
    assert rig.sent == [(0, "486 INVITE")]


def test_an_ack_stops_the_failure_and_timer_i_absorbs_the_rest() -> None:
    rig = in_state(INVITE_SERVER, TransactionState.CONFIRMED)
    rig.again("ACK")
    rig.again("INVITE")
    assert rig.wait(T4_MS - 1) == []
    assert (rig.passed, rig.ends) == ([], [])
    rig.wait(1)
    assert rig.ends == [TransactionEnd.DONE]


def test_accepted_absorbs_invites_passes_acks_and_lets_the_user_repeat_until_timer_l() -> None:
    rig = in_state(INVITE_SERVER, TransactionState.ACCEPTED)
    rig.again("INVITE")
    assert rig.sent == []
    rig.say(200)
    assert rig.sent == [(0, "200 INVITE")]
    rig.again("ACK")
    assert rig.passed == ["ACK"]
    assert rig.wait(PATIENCE_MS - 1) == []
    assert rig.ends == []
    rig.wait(1)
    assert rig.ends == [TransactionEnd.DONE]


def test_only_the_first_final_answer_counts() -> None:
    rig = in_state(INVITE_SERVER, TransactionState.ACCEPTED)
    rig.say(486)
    assert (rig.sent, rig.it.state) == ([], TransactionState.ACCEPTED)
    rig = in_state(INVITE_SERVER, TransactionState.COMPLETED)
    rig.say(200)
    rig.again("INVITE")
    assert rig.sent == [(0, "486 INVITE")]


# other servers


def test_before_an_answer_a_second_request_is_absorbed() -> None:
    rig = Rig(OTHER_SERVER)
    rig.again("BYE")
    assert rig.sent == []


def test_a_second_request_gets_the_last_answer_again() -> None:
    rig = Rig(OTHER_SERVER)
    rig.say(100)
    rig.again("BYE")
    rig.say(200)
    rig.again("BYE")
    assert [name for _, name in rig.sent] == ["100 BYE", "100 BYE", "200 BYE", "200 BYE"]


def test_timer_j_ends_it() -> None:
    rig = in_state(OTHER_SERVER, TransactionState.COMPLETED)
    assert rig.wait(PATIENCE_MS - 1) == []
    assert rig.ends == []
    rig.wait(1)
    assert rig.ends == [TransactionEnd.DONE]


# all four


SURVIVES_TRANSPORT = {
    INVITE_CLIENT.name: {TransactionState.PROCEEDING, TransactionState.ACCEPTED},
    OTHER_CLIENT.name: {TransactionState.COMPLETED},
    INVITE_SERVER.name: {TransactionState.ACCEPTED, TransactionState.CONFIRMED},
    OTHER_SERVER.name: {TransactionState.TRYING},
}


@pytest.mark.parametrize(("machine", "state"), [(m, s) for m in MACHINES for s in m.timers], ids=str)
def test_a_transport_error_ends_what_still_sends(machine: TransactionMachine, state: TransactionState) -> None:
    rig = in_state(machine, state)
    rig.fail()
    survives = state is TransactionState.TERMINATED or state in SURVIVES_TRANSPORT[machine.name]
    assert rig.ends == ([] if survives else [TransactionEnd.UNREACHABLE])


@pytest.mark.parametrize(("machine", "state"), [(m, s) for m in MACHINES for s in m.timers], ids=str)
def test_every_state_ends_or_waits_for_someone_and_then_holds_nothing(machine: TransactionMachine, state: TransactionState) -> None:
    rig = in_state(machine, state)
    rig.wait(LONG_MS)
    waits_for_user = not any(machine.timers[state])
    if waits_for_user and state is not TransactionState.TERMINATED:
        rig.it.destroy()
    assert (len(rig.layer), len(rig.timer_heap), "m" in rig.layer.merged) == (0, 0, False)


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_tables_are_whole(machine: TransactionMachine) -> None:
    """Every timer of a state has its row there and nowhere else, every state can be reached, and the rows lead to states it has."""
    timers = [event for event in Event if event.name.startswith("TIMER_")]
    for state, timer in product(machine.timers, timers):
        assert ((state, timer) in machine.rows) == (timer in machine.timers[state]), (state, timer)
    reached = {machine.start} | {then for then, _ in machine.rows.values()}
    assert reached == set(machine.timers)


def test_ending_is_told_once() -> None:
    rig = in_state(INVITE_SERVER, TransactionState.COMPLETED)
    rig.fail()
    rig.fail()
    rig.wait(LONG_MS)
    assert rig.ends == [TransactionEnd.UNREACHABLE]


# instants: the rigs above start at a whole T1, where clean-ups are exact


STAYS = [
    # how long each state that ends by itself lasts
    (INVITE_CLIENT, TransactionState.CALLING, PATIENCE_MS),
    (INVITE_CLIENT, TransactionState.ACCEPTED, PATIENCE_MS),
    (INVITE_CLIENT, TransactionState.COMPLETED, PATIENCE_MS),
    (OTHER_CLIENT, TransactionState.TRYING, PATIENCE_MS),
    (OTHER_CLIENT, TransactionState.PROCEEDING, PATIENCE_MS),
    (OTHER_CLIENT, TransactionState.COMPLETED, T4_MS),
    (INVITE_SERVER, TransactionState.ACCEPTED, PATIENCE_MS),
    (INVITE_SERVER, TransactionState.COMPLETED, PATIENCE_MS),
    (INVITE_SERVER, TransactionState.CONFIRMED, T4_MS),
    (OTHER_SERVER, TransactionState.COMPLETED, PATIENCE_MS),
]


@pytest.mark.parametrize(
    ("machine", "state", "stay_ms"), STAYS, ids=[f"{machine.name}-{state.name}" for machine, state, _ in STAYS]
)
def test_a_state_that_repeats_something_ends_on_the_dot_and_others_at_the_next_whole_t1(
    machine: TransactionMachine, state: TransactionState, stay_ms: int
) -> None:
    start_ms = 123
    rig = in_state(machine, state, start_ms=start_ms)
    repeats = machine.timers[state][0] is not None
    left_ms = stay_ms if repeats else stay_ms + T1_MS - start_ms
    rig.wait(left_ms - 1)
    assert rig.ends == []
    rig.wait(1)
    assert len(rig.ends) == 1


def test_every_state_that_ends_by_itself_is_in_the_list() -> None:
    assert {(m.name, s) for m, s, _ in STAYS} == {(m.name, s) for m in MACHINES for s in m.timers if m.timers[s][1] is not None}


# matching


def arrived(data: bytes) -> ReceivedRequest:
    message = read(data)
    assert isinstance(message, Request)
    arrival = read_request(message, PEER)
    assert arrival is not None
    return arrival


def test_ack_and_cancel_belong_to_their_invite() -> None:
    invite = arrived(request("INVITE"))
    assert arrived(request("ACK", to_tag="x")).key == invite.key
    cancel = arrived(request("CANCEL"))
    assert cancel.key != invite.key
    assert cancel.cancelled_key == invite.key


@pytest.mark.parametrize("change", [{"branch": "z9hG4bKp2"}, {"via": "SIP/2.0/UDP 198.51.100.8:5080;branch=z9hG4bKp1"}], ids=str)
def test_branch_and_sent_by_both_count(change: dict[str, Any]) -> None:
    assert arrived(request("INVITE", **change)).key != arrived(request("INVITE")).key


OLD_VIA = "SIP/2.0/UDP 198.51.100.7:5080;branch=1"


def test_an_rfc_2543_branch_matches_by_the_old_rule() -> None:
    invite = arrived(request("INVITE", via=OLD_VIA))
    assert arrived(request("INVITE", via=OLD_VIA)).key == invite.key
    assert arrived(request("ACK", via=OLD_VIA, to_tag="x")).key == invite.key
    assert arrived(request("CANCEL", via=OLD_VIA)).cancelled_key == invite.key


@pytest.mark.parametrize(
    "other",
    [
        request("INVITE", via=OLD_VIA, call_id="call-2"),
        request("INVITE", via=OLD_VIA, cseq=2),
        request("INVITE", via=OLD_VIA, from_tag="other"),
        request("INVITE", via=OLD_VIA, uri="sip:18005550101@192.0.2.1"),
        request("INVITE", via="SIP/2.0/UDP 198.51.100.7:5081;branch=1"),
    ],
)
def test_an_rfc_2543_branch_names_nothing_by_itself(other: bytes) -> None:
    assert arrived(other).key != arrived(request("INVITE", via=OLD_VIA)).key
