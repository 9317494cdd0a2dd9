"""Datagrams of unknown addresses: read only with a live token of ours, or where strangers may authenticate, within their rate."""

import pytest
from sip_world import ANSWER, LONG_MS, NOTHING_HELD, PEER, Solo, header, request, response

import switch.sip.agent as agent_module
from switch.sip.digest import Secret
from switch.sip.flow import Flow
from switch.sip.peer import PeerProfile, Realm
from switch.sip.strangers import (
    MAX_LOOKED_AT_BYTES,
    MAX_SOURCES,
    MAX_TOKENS,
    SWEEP_NS,
    UNKNOWN_BURST,
    UNKNOWN_PER_SECOND,
    SourceBuckets,
    carries_live_token,
    is_scanner,
)

STRANGER = Flow("203.0.113.9", 5060)
REALM = Realm(name="payphone", accounts={"pbx": (PeerProfile(name="pbx"), Secret("secret"))})


def is_ours(found: str) -> bool:
    return found == "ours1"


@pytest.mark.parametrize(
    ("data", "live"),
    [
        (b"To: <sip:a@b>;tag=ours1\r\n", True),
        (b"To: <sip:a@b> ; Tag = ours1 ;x=y\r\n", True),
        (b"f: <sip:a@b>;tag=theirs\r\nt: <sip:a@b>;tag=ours1", True),
        (b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours1;rport\r\n", True),
        (b"v: SIP/2.0/UDP a;branch=z9hg4bKours1, SIP/2.0/UDP b\r\n", True),
        (b"To: <sip:a@b>;tag=ours12\r\n", False),
        (b"To: <sip:a@b>;tag=xours1\r\n", False),
        (b"Call-ID: ours1\r\n", False),
        (b"", False),
        (b"\xff" * 100, False),
    ],
)
def test_a_token_is_found_where_it_stands(*, data: bytes, live: bool) -> None:
    assert carries_live_token(data, is_ours) is live


@pytest.mark.parametrize(("before", "live"), [(MAX_TOKENS - 1, True), (MAX_TOKENS, False)])
def test_so_many_tokens_are_looked_at(*, before: int, live: bool) -> None:
    assert carries_live_token(b";tag=theirs" * before + b";tag=ours1", is_ours) is live


@pytest.mark.parametrize(("padding", "live"), [(0, True), (1, False)])
def test_so_many_bytes_are_looked_at(*, padding: int, live: bool) -> None:
    token = b";tag=ours1"
    assert carries_live_token(b" " * (MAX_LOOKED_AT_BYTES - len(token) + padding) + token, is_ours) is live


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"OPTIONS sip:a SIP/2.0\r\nUser-Agent: friendly-scanner\r\n", True),
        (b"OPTIONS sip:a SIP/2.0\r\nuser-agent :sipcli/v1.8\r\n", True),
        (b"OPTIONS sip:a SIP/2.0\r\nUser-Agent: VaxSIPUserAgent/3.0\r\n", True),
        (b"OPTIONS sip:a SIP/2.0\r\nUser-Agent: Asterisk PBX\r\n", False),
        (b"OPTIONS sip:a SIP/2.0\r\nX-User-Agent: sipcli\r\n", False),
    ],
)
def test_scanners_are_known_by_name(*, data: bytes, named: bool) -> None:
    assert is_scanner(data) is named


def test_what_is_dropped_is_not_parsed_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    solo = Solo()
    monkeypatch.setattr(agent_module, "parse", None)
    for data in (
        request("INVITE"),
        request("BYE", to_tag="guess"),
        b"\0\0",
        request("OPTIONS", extra=("User-Agent: sipcli/v1.8",)),
    ):
        assert solo.hear(data, source=STRANGER, peer=None) == []
    assert solo.agent.statistics.snapshot() == {"stranger": {STRANGER.host: 4}, "scanner": {STRANGER.host: 1}}
    assert solo.agent.live_counts() == NOTHING_HELD


def test_an_address_is_known_while_it_has_a_call() -> None:
    solo = Solo()
    leg, invite = solo.calling()
    solo.hear(b"OPTIONS", peer=None)
    assert "malformed_other" in solo.agent.statistics.snapshot()  # it is read
    solo.hear(response(invite, 486), peer=None)
    assert solo.facts()[-1].leg == leg
    solo.hear(b"OPTIONS", peer=None)
    assert solo.agent.statistics.snapshot()["stranger"] == {PEER.host: 1}
    assert solo.names() == []
    solo.finish()


def test_a_caller_has_a_known_address_until_its_leg_is_over() -> None:
    solo = Solo()
    leg, _ = solo.in_call()
    solo.wait(LONG_MS)
    assert solo.agent.live_counts()["hosts"] == 1
    solo.agent.hangup(leg, solo.now_ns)
    solo.wait(LONG_MS)
    assert solo.agent.live_counts() == NOTHING_HELD


def test_an_answer_and_a_bye_are_read_wherever_they_come_from() -> None:
    """A line whose Contact, or whose second interface, is elsewhere."""
    solo = Solo()
    _, invite = solo.calling()
    assert solo.hear(response(invite, 200, body=ANSWER), source=STRANGER, peer=None) == ["ACK"]
    ours = header(invite, "From").partition("tag=")[2]
    call_id = header(invite, "Call-ID")
    assert solo.hear(request("BYE", to_tag=ours, call_id=call_id, branch="z9hG4bKb"), source=STRANGER, peer=None) == ["200 BYE"]
    assert solo.hear(request("BYE", to_tag=ours[:-1], call_id=call_id), source=STRANGER, peer=None) == []


def test_the_branch_of_a_request_is_live_until_its_transaction_ends() -> None:
    """A CANCEL has the branch of its INVITE: both must end before it is forgotten."""
    solo = Solo()
    leg, invite = solo.calling()
    branch = header(invite, "Via").partition("branch=z9hG4bK")[2]
    solo.hear(response(invite, 180))
    solo.agent.hangup(leg, solo.now_ns)
    (cancel,) = solo.said()
    core = solo.agent._core
    assert branch in core.transactions.branches
    solo.hear(response(cancel, 200))
    solo.wait(6_000)
    assert branch in core.transactions.branches
    solo.hear(response(invite, 487))
    solo.wait(LONG_MS)
    assert branch not in core.transactions.branches
    assert len(core.transactions.branches) == 0


def test_where_strangers_may_authenticate_each_address_has_its_rate() -> None:
    solo = Solo()
    solo.agent.admit_strangers(REALM)
    invites = [request("INVITE", branch=f"z9hG4bK{number}", call_id=f"c{number}") for number in range(UNKNOWN_BURST + 1)]
    heard = [len(solo.hear(data, source=STRANGER, peer=None)) for data in invites]
    assert heard == [1] * UNKNOWN_BURST + [0]
    assert solo.agent.statistics.snapshot()["flooded"] == {STRANGER.host: 1}
    assert len(solo.hear(request("INVITE", branch="z9hG4bKother"), source=Flow("203.0.113.10", 5060), peer=None)) == 1
    scanner = request("INVITE", branch="z9hG4bKscan", extra=("User-Agent: sipvicious",))
    assert solo.hear(scanner, source=Flow("203.0.113.11", 5060), peer=None) == []


def test_buckets_of_sources_are_bounded_and_swept() -> None:
    buckets = SourceBuckets()
    assert all(buckets.take(f"h{number}", 0) for number in range(MAX_SOURCES))
    assert len(buckets) == MAX_SOURCES
    assert sum(buckets.take(f"x{number}", 0) for number in range(UNKNOWN_BURST + 1)) == UNKNOWN_BURST  # all of them share one
    assert len(buckets) == MAX_SOURCES
    assert UNKNOWN_PER_SECOND > 1
    assert buckets.take("late", SWEEP_NS)
    assert len(buckets) == 1


def test_the_addresses_of_one_ipv6_site_have_one_bucket() -> None:
    buckets = SourceBuckets()
    assert all(buckets.take(f"2001:db8:0:7::{number:x}", 0) for number in range(UNKNOWN_BURST))
    assert not buckets.take("2001:db8:0:7:ffff:ffff:ffff:ffff", 0)
    assert buckets.take("2001:db8:0:8::", 0)
    assert buckets.take("2001:db8:0:6:ffff:ffff:ffff:ffff", 0)
    assert len(buckets) == 3
