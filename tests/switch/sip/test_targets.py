"""Where a line's URI leads, best first (RFC 3263, RFC 2782)."""

from collections import Counter

import pytest

from switch.sip.flow import Flow, Listeners, Transport
from switch.sip.targets import MAX_TARGETS, Name, Server, name_of, targets_of

LISTENERS = Listeners(
    (Flow("192.0.2.1", 5060), Flow("192.0.2.1", 5060, Transport.TCP), Flow("2001:db8::1", 5061, Transport.TLS)), user_agent="x"
)


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("sip:a@198.51.100.7", Flow("198.51.100.7", 5060)),
        ("sip:a@198.51.100.7:5080;transport=tcp", Flow("198.51.100.7", 5080, Transport.TCP, 1)),
        ("sip:a@[2001:db8::7];transport=tls", Flow("2001:db8::7", 5061, Transport.TLS, 2, "2001:db8::7")),
        ("sip:a@[2001:db8::7]", Flow("2001:db8::7", 5061, Transport.TLS, 2, "2001:db8::7")),
        ("sip:a@[2001:db8::7];transport=udp", None),
        ("sip:a@198.51.100.7;transport=tls", None),
    ],
)
def test_an_address(uri: str, target: Flow | None) -> None:
    assert targets_of(uri, LISTENERS, names={}, seed=1) == (() if target is None else (target,))


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("sip:a@SIP.example.com.", Name("sip.example.com")),
        ("sip:a@pbx1:5080;transport=TCP", Name("pbx1", 5080, Transport.TCP)),
        ("sip:a@192.0.2.1", None),
        ("sip:a@[::1]", None),
    ],
)
def test_names(uri: str, name: Name | None) -> None:
    assert name_of(uri) == name


def server(host: str, *, transport: Transport = Transport.UDP, rank: int = 0, priority: int = 0, weight: int = 0) -> Server:
    return Server(transport=transport, addresses=(host,), port=5060, rank=rank, priority=priority, weight=weight)


def hosts(*servers: Server, seed: int = 1) -> list[str]:
    return [flow.host for flow in targets_of("sip:a@x.example", LISTENERS, names={Name("x.example"): servers}, seed=seed)]


def test_a_name_that_is_not_resolved_has_no_target() -> None:
    assert targets_of("sip:a@x.example", LISTENERS, names={}, seed=1) == ()


def test_rank_goes_before_priority() -> None:
    assert hosts(server("192.0.2.3", rank=1), server("192.0.2.2", priority=2), server("192.0.2.1", priority=1)) == [
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
    ]


def test_weights_are_drawn_by_the_seed() -> None:
    servers = (server("192.0.2.1", weight=30), server("192.0.2.2", weight=10), server("192.0.2.3"))
    first = Counter(hosts(*servers, seed=seed)[0] for seed in range(4_000))

    assert 0.7 < first["192.0.2.1"] / 4_000 < 0.78
    assert 0.2 < first["192.0.2.2"] / 4_000 < 0.28
    assert first["192.0.2.3"] < 200
    assert hosts(*servers, seed=7) == hosts(*servers[::-1], seed=7)


@pytest.mark.parametrize("count", [MAX_TARGETS, MAX_TARGETS + 1])
def test_so_many_targets(count: int) -> None:
    assert len(hosts(*[server(f"192.0.2.{number}") for number in range(count)])) == MAX_TARGETS


def test_over_tls_the_certificate_must_be_for_the_uris_host() -> None:
    names = {Name("x.example"): (Server(transport=Transport.TLS, addresses=("192.0.2.1", "2001:db8::9"), port=5061),)}

    assert targets_of("sip:a@x.example", LISTENERS, names=names, seed=1) == (
        Flow("2001:db8::9", 5061, Transport.TLS, 2, "x.example"),
    )
