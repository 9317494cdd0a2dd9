"""OPTIONS to trunks and lines: what is a hit and what a miss, and how many of them change the state."""

import pytest
from sip_world import NOTHING_HELD, OURS, PEER, Solo, header, response

from switch.sip.digest import Credentials, Secret
from switch.sip.fact import HealthChanged
from switch.sip.flow import Flow
from switch.sip.message import Message
from switch.sip.probe import Watch, probed_uri
from switch.sip.targets import Name, Server
from switch.sip.transaction import NS_PER_MS

EVERY_MS = 30_000
DOWN = HealthChanged(name="line:acme", is_up=False, status=None)


def watch(name: str = "line:acme", *, misses: int = 3, hits: int = 2, credentials: Credentials | None = None) -> Watch:
    return Watch(
        name=name,
        uri="sip:198.51.100.7:5080",
        every_ns=EVERY_MS * NS_PER_MS,
        misses=misses,
        hits=hits,
        credentials=credentials,
    )


def watching(*watches: Watch) -> Solo:
    solo = Solo()
    solo.agent.monitor.follow(watches, (), solo.now_ns)
    return solo


def next_options(solo: Solo) -> Message:
    """Lets time pass until the next probe begins."""
    for _ in range(1_000):
        due_ns = solo.agent.next_deadline()
        assert due_ns is not None
        solo.now_ns = max(solo.now_ns, due_ns)
        solo.agent.tick(solo.now_ns)
        for message in solo.said():
            if header(message, "CSeq") not in solo.__dict__.setdefault("seen", set()):
                solo.__dict__["seen"].add(header(message, "CSeq"))
                return message
    raise AssertionError("no probe came")


def play(solo: Solo, answers: str) -> list[bool]:
    """Plays probes: `+` gets 200, `-` none. The changes that were told."""
    for each in answers:
        probe = next_options(solo)
        if each == "+":
            solo.hear(response(probe, 200))
    next_options(solo)
    return [notice.is_up for notice in solo.agent.notices() if isinstance(notice, HealthChanged)]


@pytest.mark.parametrize(
    ("answers", "changes"),
    [
        ("++++", []),
        ("--", []),
        ("---", [False]),
        ("--+--", []),
        ("--+---", [False]),
        ("---+", [False]),
        ("---+-+", [False]),
        ("---++", [False, True]),
        ("---++--", [False, True]),
        ("---++---", [False, True, False]),
    ],
)
def test_misses_in_a_row_are_down_and_hits_in_a_row_are_up_again(answers: str, changes: list[bool]) -> None:
    assert play(watching(watch()), answers) == changes


@pytest.mark.parametrize(
    ("status", "is_alive"),
    [(200, True), (404, True), (405, True), (401, True), (603, True), (500, True), (408, False), (503, False)],
)
def test_any_answer_but_408_and_503_is_alive(status: int, is_alive: bool) -> None:  # noqa: FBT001
    solo = watching(watch(misses=1))
    solo.hear(response(next_options(solo), status))
    assert [notice.is_up for notice in solo.agent.notices() if isinstance(notice, HealthChanged)] == ([] if is_alive else [False])
    assert solo.agent.monitor.probes["line:acme"].last_status == status


def test_a_provisional_answer_is_none() -> None:
    solo = watching(watch(misses=1))
    solo.hear(response(next_options(solo), 100))
    next_options(solo)
    assert solo.agent.notices() == [DOWN]


def test_probes_are_spread_over_the_interval_and_come_at_it() -> None:
    solo = watching(*[watch(f"line:{number}") for number in range(100)])
    first = [ms for ms, name in solo.wait(EVERY_MS) if name == "OPTIONS"]
    assert len({ms // 3_000 for ms in first}) == 10
    one = watching(watch())
    one.hear(response(next_options(one), 200))
    first_ns = one.now_ns
    next_options(one)
    assert first_ns < EVERY_MS * NS_PER_MS
    assert one.now_ns - first_ns == EVERY_MS * NS_PER_MS


def test_what_is_asked() -> None:
    solo = watching(watch())
    probe = next_options(solo)
    assert solo.addresses == [PEER]
    assert header(probe, "To") == "<sip:198.51.100.7:5080>"
    assert header(probe, "From").startswith(f"<sip:{OURS.host}>;tag=")


def test_a_challenge_is_answered_where_there_are_credentials() -> None:
    solo = watching(watch(credentials=Credentials(username="me", secret=Secret("pw"))))
    probe = next_options(solo)
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
    solo.agent.receive(response(probe, 401, extra=[challenge]), PEER, solo.now_ns, peer=None)
    (again,) = solo.said()
    assert header(again, "CSeq") == "2 OPTIONS"
    assert 'username="me"' in header(again, "Authorization")
    solo.hear(response(again, 200))
    following = next_options(solo)
    assert header(following, "CSeq") == "3 OPTIONS"
    assert "nc=00000002" in header(following, "Authorization")


def test_a_reload_keeps_what_is_the_same_and_ends_the_rest() -> None:
    solo = watching(watch("line:a", misses=1), watch("line:b", misses=1))
    solo.wait(2 * EVERY_MS)
    assert {notice.name for notice in solo.agent.notices() if isinstance(notice, HealthChanged)} == {"line:a", "line:b"}
    kept = solo.agent.monitor.probes["line:a"]
    solo.agent.monitor.follow([watch("line:a", misses=1), watch("line:b", misses=2)], (), solo.now_ns)
    assert solo.agent.monitor.probes["line:a"] is kept
    assert solo.agent.notices() == [HealthChanged(name="line:b", is_up=True, status=None)]
    solo.agent.monitor.stop(solo.now_ns)
    solo.wait(EVERY_MS * 4)
    assert solo.agent.live_counts() == NOTHING_HELD


# a name that stands for several targets

SECOND = Flow("198.51.100.8", 5080)


def of_name(*targets: Flow, every_ms: int = EVERY_MS) -> Solo:
    solo = watching(Watch(name="line:acme", uri="sip:acme.example", every_ns=every_ms * NS_PER_MS))
    servers = tuple(
        Server(transport=each.transport, addresses=(each.host,), port=each.port, priority=number)
        for number, each in enumerate(targets)
    )
    solo.agent.locator.resolved(Name("acme.example"), servers)
    return solo


def test_after_a_miss_the_next_target_is_asked_and_the_name_is_up_while_one_answers() -> None:
    solo = of_name(PEER, SECOND)
    asked = []
    for _ in range(8):
        probe = next_options(solo)
        (target,) = solo.addresses
        asked.append(target)
        if target == SECOND:
            solo.agent.receive(response(probe, 200), SECOND, solo.now_ns, peer=None)
    assert asked[:2] == [PEER, SECOND]
    assert {PEER, SECOND} == set(asked[2:])
    assert [notice for notice in solo.agent.notices() if isinstance(notice, HealthChanged)] == []


def test_a_name_is_down_when_all_its_targets_miss() -> None:
    assert play(of_name(PEER, SECOND), "---") == [False]


def test_a_name_without_an_address_misses() -> None:
    solo = of_name()
    assert [name for _, name in solo.wait(3 * EVERY_MS)] == []
    assert [notice.is_up for notice in solo.agent.notices() if isinstance(notice, HealthChanged)] == [False]


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("sip:+12125550101@sip.example.com;user=phone", "sip:sip.example.com"),
        ("sip:a@sip.example.com:5080;transport=tcp", "sip:sip.example.com:5080;transport=tcp"),
        ("sip:a@[2001:db8::1]", "sip:[2001:db8::1]"),
    ],
)
def test_the_host_is_asked_and_not_the_user(uri: str, asked: str) -> None:
    assert probed_uri(uri) == asked


@pytest.mark.parametrize("every_ms", [10_000, 60_000, 300_000])
@pytest.mark.parametrize("dead", [2, 3, 4])
def test_a_name_is_up_while_one_of_its_targets_answers(dead: int, every_ms: int) -> None:
    targets = [PEER._replace(port=6_000 + number) for number in range(4)]
    solo = of_name(*targets, every_ms=every_ms)
    for _ in range(60):
        probe = next_options(solo)
        if solo.addresses[-1] in targets[dead:]:
            solo.hear(response(probe, 200))
    told = [notice.is_up for notice in solo.agent.notices() if isinstance(notice, HealthChanged)]
    assert told == ([False] if dead == len(targets) else [])


@pytest.mark.parametrize("every_ms", [10_000, 60_000, 300_000])
def test_one_target_that_answers_brings_a_name_back(every_ms: int) -> None:
    targets = [PEER._replace(port=6_000 + number) for number in range(4)]
    solo = of_name(*targets, every_ms=every_ms)
    for number in range(24):
        probe = next_options(solo)
        if number > 8 and solo.addresses[-1] == targets[-1]:
            solo.hear(response(probe, 200))
    assert [notice.is_up for notice in solo.agent.notices() if isinstance(notice, HealthChanged)] == [False, True]
