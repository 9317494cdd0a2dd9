"""SIP over TCP and TLS on loopback: framing, pings, connections that are used again, and peers that misbehave."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop
from certificates import Authority
from sip_world import request as sip_request
from structlog.testing import capture_logs

from switch.deployment import TlsSettings
from switch.sip import strangers
from switch.sip.flow import Flow, SendFailure, Transport
from switch.sip.statistics import Statistic, Statistics
from switch.sip.strangers import UNKNOWN_BURST, Standing
from switch.transport import connection_limits, stream
from switch.transport.certificates import Certificates
from switch.transport.connection import CLOSE_S, IDLE_S, MAX_UNSENT_BYTES, UNFINISHED_S
from switch.transport.connection_limits import MAX_CONNECTIONS_OF_HOST, STRANGER_S
from switch.transport.stream import StreamTransport

PATIENCE_S = 10.0
OPTIONS = sip_request("OPTIONS", via="SIP/2.0/TCP 127.0.0.1:5080;branch=z9hG4bKp1", contact=None)
ANSWER = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 127.0.0.1:%d;branch=z9hG4bKp1\r\nContent-Length: 0\r\n\r\n"


class Side:
    """One transport, with what came, what failed and what was counted. `standing`: of every host."""

    def __init__(
        self, host: str = "127.0.0.1", *, certificates: Certificates | None = None, standing: Standing = Standing.PEER
    ) -> None:
        self.standing = standing
        self.statistics = Statistics()
        self.came: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
        self.failed: asyncio.Queue[tuple[Flow, SendFailure, str]] = asyncio.Queue()
        self.way = Transport.TCP if certificates is None else Transport.TLS
        self.transport = StreamTransport(
            Flow(host, 0, self.way),
            received=lambda data, source: self.came.put_nowait((data, source)),
            send_failed=lambda target, why, words: self.failed.put_nowait((target, why, words)),
            standing=lambda _: self.standing,
            count=self.statistics.add,
            server=certificates.server if certificates else lambda: None,
            client=certificates.client if certificates else lambda: None,
        )
        self.host, self.port = self.transport.open((host, 0))
        self.flow = Flow(self.host, self.port, self.way)

    def counted(self, kind: Statistic) -> int:
        return sum(self.statistics.snapshot().get(kind.value, {}).values())

    async def next(self) -> tuple[bytes, Flow]:
        async with asyncio.timeout(PATIENCE_S):
            return await self.came.get()

    async def next_failed(self, why: SendFailure = SendFailure.UNREACHABLE) -> Flow:
        async with asyncio.timeout(PATIENCE_S):
            target, found, words = await self.failed.get()
        assert found is why
        assert words
        return target


@asynccontextmanager
async def sides(*made: Side) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for each in made:
            await each.transport.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 what is waited for tells nobody
            await asyncio.sleep(0)  # the loop turns, and no time is waited for


async def closed(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the connection ends."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            return await reader.read()
        except ConnectionError:
            return b"reset"


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    uvloop.run(whole())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_request_and_its_answer_go_by_one_connection(host: str) -> None:
    async def scene() -> None:
        one, other = Side(host), Side(host)
        async with sides(one, other):
            one.transport.send(OPTIONS, other.flow)
            data, source = await other.next()
            assert (data, source.host, source.transport) == (OPTIONS, host, Transport.TCP)
            other.transport.send(ANSWER % one.port, source)
            assert await one.next() == (ANSWER % one.port, other.flow)
            one.transport.send(OPTIONS, other.flow)
            assert (await other.next())[1] == source
            assert (one.transport.connections, other.transport.connections) == (1, 1)

    run(scene)


def test_messages_that_wait_for_the_connection_keep_their_order() -> None:
    async def scene() -> None:
        one, other = Side(), Side()
        async with sides(one, other):
            sent = [sip_request("OPTIONS", call_id=f"c{number}", contact=None) for number in range(20)]
            for each in sent:
                one.transport.send(each, other.flow)
            assert [(await other.next())[0] for _ in sent] == sent

    run(scene)


def test_a_request_to_where_the_peer_listens_goes_by_the_connection_it_made() -> None:
    async def scene() -> None:
        one, other = Side(), Side()
        async with sides(one, other):
            one.transport.send(OPTIONS.replace(b":5080", b":%d" % one.port), other.flow)
            await other.next()
            other.transport.send(OPTIONS, one.flow)
            assert await one.next() == (OPTIONS, other.flow)
            assert (one.transport.connections, other.transport.connections) == (1, 1)

    run(scene)


def test_an_answer_whose_connection_is_gone_goes_to_where_its_via_says() -> None:
    async def scene() -> None:
        one, other = Side(), Side()
        async with sides(one, other):
            reader, writer = await asyncio.open_connection(other.host, other.port)
            writer.write(OPTIONS)
            _, source = await other.next()
            writer.transport.abort()
            await until(lambda: other.transport.connections == 0)
            other.transport.send(ANSWER % one.port, source)
            assert (await one.next())[0] == ANSWER % one.port
            del reader

    run(scene)


def test_a_target_that_does_not_listen_is_told() -> None:
    async def scene() -> None:
        one, gone = Side(), Side()
        await gone.transport.close()
        async with sides(one):
            with capture_logs() as logs:
                one.transport.send(OPTIONS, gone.flow)
                one.transport.send(ANSWER % gone.port, gone.flow)
                assert await one.next_failed() == gone.flow
            assert [(each["event"], each["why"]) for each in logs] == [("no connection", "Connection refused")]
            assert one.failed.empty()

    run(scene)


def test_a_lost_connection_is_told_to_those_whose_requests_went_by_it() -> None:
    async def scene() -> None:
        one, other = Side(), Side()
        async with sides(one):
            one.transport.send(OPTIONS, other.flow)
            await other.next()
            await other.transport.close()
            assert await one.next_failed() == other.flow

    run(scene)


def test_keep_alives_are_answered() -> None:
    async def scene() -> None:
        one = Side()
        async with sides(one):
            reader, writer = await asyncio.open_connection(one.host, one.port)
            for _ in range(100):
                writer.write(b"\r\n\r\n" * 100)
                async with asyncio.timeout(PATIENCE_S):
                    assert await reader.readexactly(200) == b"\r\n" * 100
            writer.write(OPTIONS)
            assert (await one.next())[0] == OPTIONS
            writer.close()

    run(scene)


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"x" * 10_000])
def test_garbage_ends_the_connection_without_an_answer(garbage: bytes) -> None:
    async def scene() -> None:
        one = Side()
        async with sides(one):
            reader, writer = await asyncio.open_connection(one.host, one.port)
            writer.write(garbage)
            assert await closed(reader) in (b"", b"reset")
            assert one.came.empty()
            assert one.counted(Statistic.CONNECTION_BROKEN) == 1
            writer.close()

    run(scene)


def test_a_message_without_a_length_is_passed_and_then_the_connection_ends() -> None:
    async def scene() -> None:
        one = Side()
        async with sides(one):
            reader, writer = await asyncio.open_connection(one.host, one.port)
            headless = OPTIONS.replace(b"Content-Length: 0\r\n", b"")
            writer.write(headless)
            assert (await one.next())[0] == headless
            assert await closed(reader) == b""
            writer.close()

    run(scene)


def test_connections_of_unknown_addresses_are_closed_at_once_and_counted() -> None:
    async def scene() -> None:
        one = Side(standing=Standing.UNKNOWN)
        async with sides(one):
            with capture_logs() as logs:
                reader, writer = await asyncio.open_connection(one.host, one.port)
                assert await closed(reader) in (b"", b"reset")
            assert (one.came.empty(), one.transport.connections, logs) == (True, 0, [])
            assert one.counted(Statistic.CONNECTION_REFUSED) == 1
            writer.close()

    run(scene)


@pytest.mark.parametrize("over", [0, 1])
def test_a_host_may_have_so_many_connections(over: int) -> None:
    async def scene() -> None:
        one = Side()
        async with sides(one):
            made = [await asyncio.open_connection(one.host, one.port) for _ in range(MAX_CONNECTIONS_OF_HOST + over)]
            await until(lambda: one.transport.connections == MAX_CONNECTIONS_OF_HOST)
            if over:
                assert await closed(made[-1][0]) in (b"", b"reset")
            assert one.counted(Statistic.CONNECTION_REFUSED) == over
            made[0][1].write(OPTIONS)
            assert (await one.next())[0] == OPTIONS
            for _, writer in made:
                writer.close()
            await until(lambda: one.transport.connections == 0)

    run(scene)


def test_a_stranger_s_connection_lives_a_short_time_whatever_it_says() -> None:
    async def scene() -> None:
        one = Side(standing=Standing.MAY_AUTHENTICATE)
        async with sides(one):
            before_s = asyncio.get_running_loop().time()
            reader, writer = await asyncio.open_connection(one.host, one.port)
            await until(lambda: one.transport.connections == 1)
            writer.write(OPTIONS)
            await one.next()
            one.transport.sweep(before_s - 1 + STRANGER_S)
            assert one.transport.connections == 1
            one.transport.sweep(asyncio.get_running_loop().time() + STRANGER_S + 1)
            assert await closed(reader) in (b"", b"reset")
            await until(lambda: one.transport.connections == 0)
            assert one.counted(Statistic.CONNECTION_DROPPED) == 1
            writer.close()

    run(scene)


def test_a_stranger_s_connection_stays_once_it_has_authenticated() -> None:
    async def scene() -> None:
        one, other = Side(standing=Standing.MAY_AUTHENTICATE), Side()
        async with sides(one, other):
            other.transport.send(OPTIONS.replace(b":5080", b":%d" % other.port), one.flow)
            _, source = await one.next()
            one.transport.trust(source)
            one.transport.sweep(asyncio.get_running_loop().time() + IDLE_S - 60)
            one.transport.send(OPTIONS, other.flow)
            assert await other.next() == (OPTIONS, one.flow)
            assert (one.transport.connections, one.counted(Statistic.CONNECTION_DROPPED)) == (1, 0)

    run(scene)


def test_what_is_for_a_line_does_not_go_to_a_stranger_who_says_that_it_is_there() -> None:
    async def scene() -> None:
        one, other, line = Side(standing=Standing.MAY_AUTHENTICATE), Side(), Side()
        async with sides(one, other, line):
            other.transport.send(OPTIONS.replace(b":5080", b":%d" % line.port), one.flow)
            await one.next()
            one.transport.send(OPTIONS, line.flow)
            assert (await line.next())[0] == OPTIONS
            assert other.came.empty()

    run(scene)


def test_for_an_answer_to_a_stranger_no_connection_is_made() -> None:
    async def scene() -> None:
        one, other = Side(standing=Standing.MAY_AUTHENTICATE), Side()
        async with sides(one, other):
            one.transport.send(ANSWER % other.port, other.flow)
            one.transport.send(OPTIONS, other.flow)
            assert (await other.next())[0] == OPTIONS
            assert other.came.empty()

    run(scene)


@pytest.mark.parametrize("over", [0, 1])
def test_a_stranger_makes_so_many_connections_at_once(monkeypatch: pytest.MonkeyPatch, over: int) -> None:
    monkeypatch.setattr(connection_limits, "MAX_STRANGERS_OF_SITE", 2 * UNKNOWN_BURST)
    monkeypatch.setattr(strangers, "UNKNOWN_PER_SECOND", 1)

    async def scene() -> None:
        one = Side(standing=Standing.MAY_AUTHENTICATE)
        async with sides(one):
            made = [await asyncio.open_connection(one.host, one.port) for _ in range(UNKNOWN_BURST + over)]
            await until(lambda: one.transport.connections == UNKNOWN_BURST)
            if over:
                assert await closed(made[-1][0]) in (b"", b"reset")
            assert one.counted(Statistic.FLOODED) == over
            for _, writer in made:
                writer.close()

    run(scene)


@pytest.mark.parametrize("over_tls", [False, True])
def test_a_peer_that_never_reads_blocks_nobody_and_is_told_as_failed(authority: Authority, *, over_tls: bool) -> None:
    """A real socket: its TLS handshake is done, and then it reads no more."""
    certificates = made_by(authority) if over_tls else None
    name = "sip.example.com" if over_tls else ""

    async def scene() -> None:
        one, other = Side(certificates=certificates), Side(certificates=certificates)
        mute = socket.create_server(("127.0.0.1", 0))
        target = Flow("127.0.0.1", mute.getsockname()[1], one.way, server_name=name)
        async with sides(one, other):
            large = sip_request("INVITE", body=b"x" * 60_000)
            one.transport.send(large, target)
            accepted = await asyncio.to_thread(mutely_accepted, mute, certificates)
            await until(lambda: one.transport.connections == 1)
            one.transport.send(OPTIONS, other.flow._replace(server_name=name))  # a call of another's, in progress
            await other.next()
            taken = 0
            with capture_logs() as logs:
                while one.failed.empty() and taken < 100 * MAX_UNSENT_BYTES:
                    one.transport.send(large, target)
                    taken += len(large)
                    await asyncio.sleep(0)
                assert await one.next_failed() == target
            assert [each["why"] for each in logs] == ["the peer does not read"]
            assert one.counted(Statistic.CONNECTION_UNREAD) == 1
            one.transport.send(OPTIONS, other.flow._replace(server_name=name))
            assert (await other.next())[0] == OPTIONS
            assert (one.transport.connections, one.failed.empty()) == (1, True)
            accepted.close()
        mute.close()

    run(scene)


def mutely_accepted(listening: socket.socket, certificates: Certificates | None) -> socket.socket:
    accepted = listening.accept()[0]
    accepted.settimeout(PATIENCE_S)
    return accepted if certificates is None else certificates.server().wrap_socket(accepted, server_side=True)


@pytest.mark.parametrize("over_tls", [False, True])
def test_a_closed_connection_whose_peer_does_not_read_lingers_a_short_time(authority: Authority, *, over_tls: bool) -> None:
    certificates = made_by(authority) if over_tls else None
    name = "sip.example.com" if over_tls else ""

    async def scene() -> None:
        one = Side(certificates=certificates)
        mute = socket.create_server(("127.0.0.1", 0))
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        target = Flow("127.0.0.1", mute.getsockname()[1], one.way, server_name=name)
        async with sides(one):
            one.transport.send(OPTIONS, target)
            accepted = await asyncio.to_thread(mutely_accepted, mute, certificates)
            await until(lambda: one.transport.connections == 1)
            one.transport.send(sip_request("INVITE", body=b"x" * 60_000) * 4, target)
            now_s = asyncio.get_running_loop().time()
            one.transport.sweep(now_s + IDLE_S + 1)
            one.transport.sweep(now_s)
            assert one.transport.connections == 1
            one.transport.sweep(asyncio.get_running_loop().time() + CLOSE_S + 1)
            assert await one.next_failed() == target
            assert one.transport.connections == 0
            accepted.close()
        mute.close()

    run(scene)


@pytest.mark.parametrize("begun", [b"", OPTIONS[:50], OPTIONS + OPTIONS[:50]])
def test_a_half_message_is_waited_for_so_long(begun: bytes) -> None:
    async def scene() -> None:
        one = Side()
        async with sides(one):
            reader, writer = await asyncio.open_connection(one.host, one.port)
            await until(lambda: one.transport.connections == 1)
            before_s = asyncio.get_running_loop().time()
            writer.write(begun)
            if len(begun) > len(OPTIONS):
                await one.next()
            after_s = asyncio.get_running_loop().time()
            one.transport.sweep(before_s - 1 + UNFINISHED_S)
            assert one.transport.connections == 1
            one.transport.sweep(after_s + UNFINISHED_S + 1)
            assert await closed(reader) in (b"", b"reset")
            assert one.counted(Statistic.CONNECTION_STALLED) == 1
            writer.close()

    run(scene)


@pytest.mark.parametrize("said", [OPTIONS, b"\r\n\r\n"])
def test_a_connection_that_has_spoken_may_be_idle_for_hours(said: bytes) -> None:
    async def scene() -> None:
        one = Side()
        async with sides(one):
            reader, writer = await asyncio.open_connection(one.host, one.port)
            writer.write(said)
            if said == OPTIONS:
                await one.next()
            else:
                await reader.readexactly(2)
            now_s = asyncio.get_running_loop().time()
            one.transport.sweep(now_s + IDLE_S - 60)
            assert one.transport.connections == 1
            one.transport.sweep(now_s + IDLE_S + 1)
            assert await closed(reader) == b""
            writer.close()

    run(scene)


# TLS


def made_by(
    ours: Authority, *, trusted: Authority | None = None, names: list[str] | None = None, days: int = 365, callers: bool = False
) -> Certificates:
    certificate, key = ours.certificate(names or ["sip.example.com"], days=days)
    return Certificates(
        TlsSettings(certificate=certificate, key=key, ca=(trusted or ours).root, verify_lines=True, verify_callers=callers)
    )


def named(flow: Flow, name: str) -> Flow:
    return flow._replace(server_name=name)


def test_over_tls_a_certificate_for_the_lines_name_is_taken(authority: Authority) -> None:
    async def scene() -> None:
        one, other = Side(certificates=made_by(authority)), Side(certificates=made_by(authority, callers=True))
        async with sides(one, other):
            target = named(other.flow, "sip.example.com")
            one.transport.send(OPTIONS, target)
            data, source = await other.next()
            assert data == OPTIONS
            other.transport.send(ANSWER % one.port, source)
            assert await one.next() == (ANSWER % one.port, target)

    run(scene)


@pytest.mark.parametrize(
    ("name", "days", "signer", "why"),
    [
        ("other.example.com", 365, "authority", "Hostname mismatch"),
        ("", 365, "authority", "IP address mismatch"),
        ("sip.example.com", -1, "authority", "certificate has expired"),
        ("sip.example.com", 365, "other_authority", "self-signed certificate in certificate chain"),
    ],
)
def test_over_tls_a_wrong_certificate_is_refused(
    request: pytest.FixtureRequest, name: str, days: int, signer: str, why: str
) -> None:
    authority, signing = (request.getfixturevalue(each) for each in ("authority", signer))

    async def scene() -> None:
        one = Side(certificates=made_by(authority))
        other = Side(certificates=made_by(signing, days=days))
        async with sides(one, other):
            target = named(other.flow, name)
            with capture_logs() as logs:
                one.transport.send(OPTIONS, target)
                assert await one.next_failed(SendFailure.CERTIFICATE_REFUSED) == target
            (line,) = [each for each in logs if each["event"] == "no connection"]
            assert line["why"].startswith("certificate refused: ")
            assert why in line["why"]
            assert other.came.empty()

    run(scene)


def test_over_tls_a_line_that_refuses_our_certificate_is_told_and_logged(authority: Authority, other_authority: Authority) -> None:
    async def scene() -> None:
        one = Side(certificates=made_by(other_authority, trusted=authority))
        line, asks = socket.create_server(("127.0.0.1", 0)), made_by(authority, callers=True)
        target = Flow("127.0.0.1", line.getsockname()[1], Transport.TLS, server_name="sip.example.com")
        async with sides(one):
            with capture_logs() as logs:
                one.transport.send(OPTIONS, target)
                with pytest.raises(ssl.SSLCertVerificationError):
                    await asyncio.to_thread(mutely_accepted, line, asks)
                assert await one.next_failed() == target
            assert [(each["event"], each["why"]) for each in logs] == [("connection lost", "TLSV1_ALERT_UNKNOWN_CA")]
        line.close()

    run(scene)


def test_over_tls_a_caller_without_a_certificate_is_refused_where_one_is_asked_for(authority: Authority) -> None:
    async def scene() -> None:
        one = Side(certificates=made_by(authority, callers=True))
        async with sides(one):
            context = ssl.create_default_context(cafile=str(authority.root))
            with capture_logs() as logs:
                reader, writer = await asyncio.open_connection(one.host, one.port, ssl=context, server_hostname="sip.example.com")
                writer.write(OPTIONS)
                await closed(reader)
                await until(lambda: bool(logs))
            assert one.came.empty()
            assert (logs[0]["event"], one.counted(Statistic.TLS_REFUSED)) == ("TLS refused", 1)
            writer.close()

    run(scene)


def test_over_tls_what_is_for_a_line_does_not_go_by_a_connection_that_showed_no_certificate(authority: Authority) -> None:
    async def scene() -> None:
        one, line = Side(certificates=made_by(authority)), Side(certificates=made_by(authority, names=["127.0.0.1"]))
        async with sides(one, line):
            context = ssl.create_default_context(cafile=str(authority.root))
            reader, writer = await asyncio.open_connection(one.host, one.port, ssl=context, server_hostname="sip.example.com")
            writer.write(OPTIONS.replace(b":5080", b":%d" % line.port))
            await one.next()
            one.transport.send(OPTIONS, named(line.flow, "127.0.0.1"))
            assert (await line.next())[0] == OPTIONS
            one.transport.send(OPTIONS, line.flow)  # a request of that caller's dialog
            async with asyncio.timeout(PATIENCE_S):
                assert await reader.readexactly(len(OPTIONS)) == OPTIONS
            writer.close()

    run(scene)


@pytest.mark.parametrize("standing", [Standing.PEER, Standing.MAY_AUTHENTICATE])
def test_a_handshake_that_is_never_finished_ends_and_is_counted(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, standing: Standing
) -> None:
    monkeypatch.setattr(stream, "CONNECT_S", 0.1)

    async def scene() -> None:
        one = Side(certificates=made_by(authority), standing=standing)
        async with sides(one):
            with capture_logs() as logs:
                reader, writer = await asyncio.open_connection(one.host, one.port)
                writer.write(b"\x16\x03\x01")
                assert await closed(reader) in (b"", b"reset")
                await until(lambda: one.counted(Statistic.TLS_REFUSED) == 1)
            assert len(logs) == (standing is Standing.PEER)
            assert len(one.transport.limits) == 0
            writer.close()

    run(scene)


def test_handshakes_that_are_never_finished_are_of_a_bounded_number(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more takes the place of the oldest; a caller in between has room."""
    monkeypatch.setattr(connection_limits, "MAX_STRANGERS", 3)

    async def scene() -> None:
        one = Side(certificates=made_by(authority), standing=Standing.MAY_AUTHENTICATE)
        other = Side(certificates=made_by(authority))
        async with sides(one, other):
            silent = [await asyncio.open_connection(one.host, one.port) for _ in range(3)]
            await until(lambda: len(one.transport.limits) == 3)
            other.transport.send(OPTIONS, named(one.flow, "sip.example.com"))
            assert (await one.next())[0] == OPTIONS
            assert await closed(silent[0][0]) in (b"", b"reset")
            assert (len(one.transport.limits), one.counted(Statistic.CONNECTION_DROPPED)) == (3, 1)
            for _, writer in silent:
                writer.close()

    run(scene)


def test_a_changed_certificate_is_taken_without_a_restart(authority: Authority) -> None:
    certificate, key = authority.certificate(["old.example.com"])
    held = Certificates(TlsSettings(certificate=certificate, key=key, ca=authority.root, verify_lines=True, verify_callers=False))

    async def scene() -> None:
        one, other = Side(certificates=made_by(authority)), Side(certificates=held)
        async with sides(one, other):
            one.transport.send(OPTIONS, named(other.flow, "old.example.com"))
            await other.next()
            new_certificate, new_key = authority.certificate(["new.example.com"])
            new_certificate.replace(certificate)
            held.refresh()  # the key does not match yet
            new_key.replace(key)
            held.refresh()
            one.transport.send(OPTIONS, named(other.flow, "new.example.com"))
            await other.next()
            one.transport.send(OPTIONS, named(other.flow, "old.example.com"))  # the old connection lives on
            await other.next()

    with capture_logs() as logs:
        run(scene)
    assert [each["event"] for each in logs] == ["certificate refused: the old one stays", "certificate read"]
