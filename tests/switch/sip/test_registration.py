"""Registering with a trunk's registrar: digest, refresh, 423, refusals, silence, and the end."""

from collections.abc import Iterable

import pytest
from sip_world import NOTHING_HELD, PEER, Solo, header, name_of, response

from switch.sip.digest import Credentials, Secret
from switch.sip.fact import RegistrationChanged
from switch.sip.flow import Flow, SendFailure
from switch.sip.message import Message
from switch.sip.registration import (
    FIRST_WAIT_S,
    MAX_EXPIRES_S,
    MAX_RAISES,
    MAX_WAIT_S,
    MIN_EXPIRES_S,
    REFRESH_PERCENT,
    REFUSED_WAIT_S,
    Registrar,
    Registration,
)
from switch.sip.targets import Name, Server

S = 1_000_000_000
CONTACT = "<sip:me@192.0.2.1:5060>"
REGISTRAR = Registrar(
    trunk="voip",
    uri="sip:198.51.100.7:5080",
    credentials=Credentials(username="me", secret=Secret("pw")),
    expires_s=600,
)


class Line:
    """A switch that registers; the test is the registrar."""

    def __init__(self, registrar: Registrar = REGISTRAR) -> None:
        self.solo = Solo()
        self.solo.agent.monitor.follow((), [registrar], 0)
        self.asked: set[str] = set()
        self.last: Message | None = None

    @property
    def registration(self) -> Registration:
        return self.solo.agent.monitor.registrations["voip"]

    def next(self) -> Message:
        """Lets time pass until the next REGISTER that is new."""
        for _ in range(1_000):
            for message in self.solo.said():
                if name_of(message) == "REGISTER" and header(message, "CSeq") not in self.asked:
                    self.asked.add(header(message, "CSeq"))
                    self.last = message
                    return message
            due_ns = self.solo.agent.next_deadline()
            assert due_ns is not None
            self.solo.now_ns = max(self.solo.now_ns, due_ns)
            self.solo.agent.tick(self.solo.now_ns)
        raise AssertionError("no REGISTER came")

    def answer(self, status: int, extra: Iterable[str] = (), *, contact: str | None = None) -> None:
        assert self.last is not None
        self.solo.agent.receive(response(self.last, status, contact=contact, extra=extra), PEER, self.solo.now_ns, peer=None)

    def waits_s(self) -> float:
        before_ns = self.solo.now_ns
        self.next()
        return (self.solo.now_ns - before_ns) / S

    def told(self) -> list[tuple[bool, int | None]]:
        notices = self.solo.agent.notices()
        return [(each.is_registered, each.status) for each in notices if isinstance(each, RegistrationChanged)]


def test_it_registers_with_digest_at_once_and_refreshes_in_time() -> None:
    line = Line()
    asked = line.next()
    assert (line.solo.now_ns, line.solo.addresses) == (0, [PEER])
    assert [header(asked, name) for name in ("To", "Contact", "Expires")] == ["<sip:me@198.51.100.7>", CONTACT, "600"]
    line.answer(401, ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'])
    again = line.next()
    assert (header(again, "CSeq"), header(again, "Call-ID")) == ("2 REGISTER", header(asked, "Call-ID"))
    assert "nc=00000001" in header(again, "Authorization")
    line.answer(200, contact=f"{CONTACT};expires=300")
    assert line.told() == [(True, 200)]
    assert line.registration.until_ns == 300 * S
    assert line.waits_s() == 300 * REFRESH_PERCENT / 100
    assert line.last is not None
    assert "nc=00000002" in header(line.last, "Authorization")
    line.answer(200, contact=f"{CONTACT};expires=300")
    assert line.told() == []  # still registered


@pytest.mark.parametrize(
    ("extra", "contact", "granted_s"),
    [
        ([], None, 600),
        (["Expires: 120"], None, 120),
        (["Expires: 120"], f"{CONTACT};expires=90", 90),
        (["Contact: <sip:other@192.0.2.1:5060>;expires=50", "Expires: 120"], None, 120),
        (["Contact: <sip:other@192.0.2.1:5060>;expires=50"], "<sip:me@192.0.2.1:5060;ob>;expires=70", 70),
        ([], f"{CONTACT};expires={MAX_EXPIRES_S + 1}", MAX_EXPIRES_S),
        ([], f"{CONTACT};expires={MIN_EXPIRES_S}", MIN_EXPIRES_S),
        ([], f"{CONTACT};expires={MIN_EXPIRES_S - 1}", MIN_EXPIRES_S),
    ],
)
def test_what_is_granted(extra: list[str], contact: str | None, granted_s: int) -> None:
    line = Line()
    line.next()
    line.answer(200, extra, contact=contact)
    assert line.registration.until_ns == granted_s * S


def test_granted_for_no_time_is_a_failure() -> None:
    line = Line()
    line.next()
    line.answer(200, contact=f"{CONTACT};expires=0")
    assert line.told() == [(False, 200)]


def test_423_is_followed_so_often_and_then_a_failure() -> None:
    line = Line()
    for number in range(MAX_RAISES):
        line.next()
        line.answer(423, [f"Min-Expires: {1_000 + number}"])
    assert header(line.next(), "Expires") == f"{1_000 + MAX_RAISES - 1}"
    assert line.solo.now_ns == 0
    line.answer(423, ["Min-Expires: 5000"])
    assert line.told() == [(False, 423)]
    assert line.waits_s() > 0


def test_423_without_more_is_a_failure() -> None:
    line = Line()
    line.next()
    line.answer(423, ["Min-Expires: 600"])
    assert line.told() == [(False, 423)]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_not_asked_again_soon(status: int) -> None:
    line = Line()
    line.next()
    line.answer(status)
    assert line.told() == [(False, status)]
    assert REFUSED_WAIT_S / 2 <= line.waits_s() <= REFUSED_WAIT_S


def test_wrong_credentials_are_a_refusal() -> None:
    line = Line()
    line.next()
    line.answer(401, ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'])
    line.next()
    line.answer(401, ['WWW-Authenticate: Digest realm="r", nonce="m", qop="auth"'])
    assert line.told() == [(False, 401)]
    assert line.waits_s() >= REFUSED_WAIT_S / 2


def test_waits_after_failures_double_up_to_the_longest() -> None:
    line = Line()
    line.next()
    for number in range(12):
        line.answer(500)
        longest_s = min(MAX_WAIT_S, FIRST_WAIT_S * 2**number)
        assert longest_s / 2 <= line.waits_s() <= longest_s
    line.answer(200)
    line.next()
    line.answer(500)
    assert line.waits_s() <= FIRST_WAIT_S


def test_two_switches_do_not_wait_alike() -> None:
    waits = set()
    for number in range(3):
        line = Line()
        for _ in range(number):
            line.solo.agent.monitor._core.token()
        line.next()
        line.answer(500)
        waits.add(line.waits_s())
    assert len(waits) == 3


@pytest.mark.parametrize(("asked_s", "waits_s"), [(MAX_WAIT_S, MAX_WAIT_S), (MAX_WAIT_S + 1, MAX_WAIT_S)])
def test_retry_after_is_waited_for_up_to_a_bound(asked_s: int, waits_s: int) -> None:
    line = Line()
    line.next()
    line.answer(503, [f"Retry-After: {asked_s} (busy);duration=3"])
    assert line.waits_s() == waits_s


def test_silence_is_a_failure_and_the_registration_stands_until_it_runs_out() -> None:
    line = Line()
    line.next()
    line.answer(200, contact=f"{CONTACT};expires=300")
    line.told()
    line.next()
    assert line.waits_s() >= 32
    assert line.told() == [(True, None)]
    assert line.registration.is_registered(300 * S - 1)
    assert not line.registration.is_registered(300 * S)


def test_at_the_end_the_registrar_is_told() -> None:
    line = Line()
    line.next()
    line.answer(200)
    line.solo.agent.monitor.stop(line.solo.now_ns)
    goodbye = line.next()
    assert [header(goodbye, name) for name in ("Contact", "Expires", "CSeq")] == [CONTACT, "0", "2 REGISTER"]
    line.answer(200)
    line.solo.wait(100_000)
    assert line.solo.agent.live_counts() == NOTHING_HELD


def test_a_registrar_that_refused_us_is_told_nothing() -> None:
    line = Line()
    line.next()
    line.answer(403)
    line.solo.agent.monitor.stop(line.solo.now_ns)
    assert line.solo.said() == []


def test_a_contact_user_of_its_own() -> None:
    line = Line(Registrar(**{**{name: getattr(REGISTRAR, name) for name in REGISTRAR.__slots__}, "contact_user": "in"}))
    assert header(line.next(), "Contact") == "<sip:in@192.0.2.1:5060>"


# a registrar by name

NAMED = Registrar(trunk="voip", uri="sip:voip.example", credentials=REGISTRAR.credentials)
SECOND = Flow("198.51.100.8", 5080)


def resolve(line: Line, *targets: Flow) -> None:
    servers = tuple(
        Server(transport=each.transport, addresses=(each.host,), port=each.port, priority=number)
        for number, each in enumerate(targets)
    )
    line.solo.agent.locator.resolved(Name("voip.example"), servers)


def test_a_registrars_name_is_waited_for_without_a_failure() -> None:
    line = Line(NAMED)
    line.solo.wait(3_500)
    assert (line.solo.agent.to_send(), line.told(), line.registration.failures) == ([], [], 0)
    resolve(line, PEER)
    assert header(line.next(), "To") == "<sip:me@voip.example>"
    assert (line.solo.now_ns, line.solo.addresses) == (4 * S, [PEER])


def test_a_registrar_whose_name_has_no_address_is_a_failure() -> None:
    line = Line(NAMED)
    resolve(line)
    line.solo.wait(10)
    assert line.told() == [(False, None)]


@pytest.mark.parametrize("how", ["503", "silent", *SendFailure])
def test_the_next_target_is_registered_with_at_once(how: str) -> None:
    line = Line(NAMED)
    resolve(line, PEER, SECOND)
    line.next()
    if how == "503":
        line.answer(503)
    elif isinstance(how, SendFailure):
        line.solo.agent.send_failed(PEER, line.solo.now_ns, why=how)
    second = line.next()
    assert (header(second, "CSeq"), line.solo.addresses) == ("2 REGISTER", [SECOND])
    assert line.solo.now_ns == (32 * S if how == "silent" else 0)
    line.answer(200, contact=f"{CONTACT};expires=600")
    assert line.told() == [(True, 200)]
    line.next()
    assert (line.solo.addresses, line.solo.now_ns // S) == ([PEER], (32 if how == "silent" else 0) + 600 * REFRESH_PERCENT // 100)


def test_all_targets_failing_is_one_failure() -> None:
    line = Line(NAMED)
    resolve(line, PEER, SECOND)
    for _ in range(2):
        line.next()
        line.answer(503)
    assert (line.told(), line.registration.failures) == ([(False, 503)], 1)


def test_a_registrar_that_refuses_is_not_passed_over() -> None:
    line = Line(NAMED)
    resolve(line, PEER, SECOND)
    line.next()
    line.answer(403)
    assert line.told() == [(False, 403)]


def test_a_registrar_whose_name_has_no_address_any_more_is_left_without_a_goodbye() -> None:
    line = Line(NAMED)
    resolve(line, PEER)
    line.next()
    line.answer(200, contact=f"{CONTACT};expires=600")
    resolve(line)
    line.solo.wait(600_000 * REFRESH_PERCENT // 100)
    line.solo.said()
    line.solo.agent.monitor.stop(line.solo.now_ns)
    assert line.solo.said() == []
    line.solo.wait(100_000)
    assert line.solo.agent.live_counts() == NOTHING_HELD
