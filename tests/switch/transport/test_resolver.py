"""Host names of lines are resolved by RFC 3263, against a name server on loopback."""

import asyncio

import pytest
from dns.resolver import NoNameservers
from name_server import NameServer
from structlog.testing import capture_logs

from switch.sip.flow import Transport
from switch.sip.targets import Name, Server, Servers
from switch.transport.resolver import MAX_RECORDS, MAX_TTL_S, MIN_TTL_S, RETRY_S, Lookup, NameResolver, resolver_of

HOST = "sip.example.com"
EVERY = (Transport.UDP, Transport.TCP, Transport.TLS)
ADDRESSES = {
    ("a.example.com", "A"): ["192.0.2.1"],
    ("b.example.com", "A"): ["192.0.2.2"],
    ("b.example.com", "AAAA"): ["2001:db8::2"],
}
PATIENCE_S = 10.0
PLACE = "config/advertisers.yaml:7:9"


def looked_up(
    zone: dict[tuple[str, str], list[str]],
    name: Name,
    *,
    transports: tuple[Transport, ...] = EVERY,
    ttl_s: int = 300,
    broken: tuple[str, ...] = (),
) -> Lookup:
    async def scene() -> Lookup:
        server = NameServer({**ADDRESSES, **zone}, ttl_s=ttl_s)
        server.broken = frozenset(broken)
        resolver = await server.open()
        try:
            return await NameResolver(lambda *_: None, transports=transports, resolver=resolver).lookup(name)
        finally:
            server.close()

    return asyncio.run(scene())


def test_naptr_says_which_transport_comes_first() -> None:
    zone = {
        (HOST, "NAPTR"): [
            '20 10 "s" "SIP+D2U" "" _sip._udp.example.com.',
            '10 10 "s" "SIPS+D2T" "" _sips._tcp.example.com.',
            '5 10 "s" "SIP+D2S" "" _sip._sctp.example.com.',
        ],
        ("_sip._udp.example.com", "SRV"): ["0 0 5060 a.example.com."],
        ("_sips._tcp.example.com", "SRV"): ["0 0 5061 b.example.com."],
    }
    over_tls = Server(transport=Transport.TLS, addresses=("192.0.2.2", "2001:db8::2"), port=5061)
    over_udp = Server(transport=Transport.UDP, addresses=("192.0.2.1",), port=5060, rank=1)

    assert looked_up(zone, Name(HOST))[0] == (over_tls, over_udp)
    assert looked_up(zone, Name(HOST), transports=(Transport.UDP,))[0] == (
        Server(transport=Transport.UDP, addresses=("192.0.2.1",), port=5060),
    )


def test_without_naptr_srv_is_asked_for_each_transport() -> None:
    zone = {
        (f"_sip._udp.{HOST}", "SRV"): ["10 60 5070 a.example.com.", "20 0 5080 b.example.com."],
        (f"_sip._tcp.{HOST}", "SRV"): ["0 0 5090 a.example.com."],
    }

    found = looked_up(zone, Name(HOST))

    assert {(each.transport, each.port, each.rank, each.priority, each.weight) for each in found.servers} == {
        (Transport.UDP, 5070, 0, 10, 60),
        (Transport.UDP, 5080, 0, 20, 0),
        (Transport.TCP, 5090, 1, 0, 0),
    }


def test_a_name_server_that_fails_at_aaaa_is_believed_its_addresses_for_a_short_time() -> None:
    found = looked_up({}, Name("b.example.com", 5060), broken=("AAAA",))
    assert found == ((Server(transport=Transport.UDP, addresses=("192.0.2.2",), port=5060),), MIN_TTL_S, ())


def test_one_host_of_srv_whose_zone_is_broken_leaves_the_others() -> None:
    zone = {(f"_sip._udp.{HOST}", "SRV"): ["0 0 5060 a.example.com.", "0 0 5060 b.example.com."]}
    found = looked_up(zone, Name(HOST), broken=("b.example.com",))
    assert found == ((Server(transport=Transport.UDP, addresses=("192.0.2.1",), port=5060),), MIN_TTL_S, ("b.example.com",))
    with pytest.raises(NoNameservers):
        looked_up(zone, Name(HOST), broken=("a.example.com", "b.example.com"))


def test_a_transport_in_the_uri_asks_for_its_srv_alone() -> None:
    zone = {
        (HOST, "NAPTR"): ['1 1 "s" "SIP+D2U" "" _sip._udp.example.com.'],
        (f"_sips._tcp.{HOST}", "SRV"): ["0 0 6061 a.example.com."],
    }

    assert looked_up(zone, Name(HOST, None, Transport.TLS))[0] == (
        Server(transport=Transport.TLS, addresses=("192.0.2.1",), port=6061),
    )


@pytest.mark.parametrize(
    ("name", "transport", "port"),
    [
        (Name(HOST), Transport.UDP, 5060),
        (Name(HOST, 5099), Transport.UDP, 5099),
        (Name(HOST, None, Transport.TLS), Transport.TLS, 5061),
        (Name(HOST, 5099, Transport.TCP), Transport.TCP, 5099),
    ],
)
def test_without_srv_the_name_itself_has_the_addresses(name: Name, transport: Transport, port: int) -> None:
    assert looked_up({(HOST, "A"): ["192.0.2.9"]}, name)[0] == (Server(transport=transport, addresses=("192.0.2.9",), port=port),)


def test_a_service_that_is_not_offered_has_no_servers() -> None:
    assert looked_up({(f"_sip._udp.{HOST}", "SRV"): ["0 0 0 ."], (HOST, "A"): ["192.0.2.9"]}, Name(HOST)) == Lookup((), RETRY_S)


@pytest.mark.parametrize(
    ("ttl_s", "held_s"), [(0, MIN_TTL_S), (MIN_TTL_S + 1, MIN_TTL_S + 1), (MAX_TTL_S, MAX_TTL_S), (MAX_TTL_S + 1, MAX_TTL_S)]
)
def test_an_answer_holds_within_bounds(ttl_s: int, held_s: int) -> None:
    assert looked_up({(HOST, "A"): ["192.0.2.9"]}, Name(HOST), ttl_s=ttl_s)[1] == held_s


@pytest.mark.parametrize("over", [0, 1])
def test_so_many_records_of_an_answer_are_taken(over: int) -> None:
    found = looked_up({(HOST, "A"): [f"192.0.2.{number}" for number in range(1, MAX_RECORDS + 1 + over)]}, Name(HOST))

    assert len(found.servers[0].addresses) == MAX_RECORDS


def test_an_answer_holds_while_the_name_server_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.transport.resolver.MIN_TTL_S", 0)
    monkeypatch.setattr("switch.transport.resolver.RETRY_S", 0)

    async def scene() -> tuple[list[Servers], list[Servers]]:
        told: list[Servers] = []
        came = asyncio.Event()

        def resolved(_: Name, servers: Servers) -> None:
            told.append(servers)
            came.set()

        server = NameServer({(HOST, "A"): ["192.0.2.9"]}, ttl_s=0)
        names = NameResolver(resolved, transports=EVERY, resolver=await server.open())
        names.watch({Name(HOST, 5060): PLACE})
        async with asyncio.timeout(PATIENCE_S):
            await came.wait()
            server.is_broken = True
            asked = server.asked[HOST, "A"]
            while server.asked[HOST, "A"] < asked + 5:  # noqa: ASYNC110 a name server tells nobody that it was asked
                await asyncio.sleep(0)
            before = list(told)
            server.zone, server.is_broken = {(HOST, "A"): ["192.0.2.10"]}, False
            while told[-1][0].addresses != ("192.0.2.10",):
                came.clear()
                await came.wait()
        await names.close()
        server.close()
        return before, told

    with capture_logs() as logs:
        before, _ = asyncio.run(scene())
    assert {each[0].addresses for each in before} == {("192.0.2.9",)}
    assert {each["event"] for each in logs} == {"no answer from DNS"}


def test_a_name_that_is_unknown_is_told_and_logged() -> None:
    async def scene() -> Servers:
        told: asyncio.Queue[Servers] = asyncio.Queue()
        server = NameServer({})
        names = NameResolver(lambda _, servers: told.put_nowait(servers), transports=EVERY, resolver=await server.open())
        names.watch({Name(HOST): PLACE})
        async with asyncio.timeout(PATIENCE_S):
            servers = await told.get()
        await names.close()
        server.close()
        return servers

    with capture_logs() as logs:
        assert asyncio.run(scene()) == ()
    assert [(each["event"], each["name"], each["place"]) for each in logs] == [("DNS knows no address", HOST, PLACE)]


@pytest.mark.parametrize(
    ("further", "addresses"), [([], []), (["20 0 5060 a.example.com."], [("192.0.2.1",)])], ids=["alone", "with another"]
)
def test_hosts_that_srv_names_without_an_address_are_told(further: list[str], addresses: list[tuple[str, ...]]) -> None:
    found = looked_up({(f"_sip._udp.{HOST}", "SRV"): ["10 0 5060 gone.example.com.", *further]}, Name(HOST))

    assert found.bare == ("gone.example.com",)
    assert [each.addresses for each in found.servers] == addresses


def test_the_name_servers_of_the_config_are_asked() -> None:
    async def scene() -> Servers:
        server = NameServer({(HOST, "A"): ["192.0.2.9"]})
        host, port = "127.0.0.1", (await server.open()).port
        try:
            names = NameResolver(lambda *_: None, transports=EVERY, resolver=resolver_of([(host, port)]))
            return (await names.lookup(Name(HOST))).servers
        finally:
            server.close()

    assert [each.addresses for each in asyncio.run(scene())] == [("192.0.2.9",)]


def test_without_any_those_of_the_system_are_asked() -> None:
    assert resolver_of([]) is None
