"""The SIP socket: what the system refuses to send is told, but for what is the message's own fault."""

import asyncio
import errno
from collections.abc import Callable

import pytest
import uvloop

from switch.sip.flow import Flow
from switch.transport.udp import LOCAL_ERRORS, UdpTransport

BROADCAST: Flow = Flow("255.255.255.255", 5060)  # refused to a socket that did not ask for it
PATIENCE_S = 10.0


def sent(data: bytes, target: Flow) -> list[Flow]:
    """Who could not be sent to."""
    told: list[Flow] = []

    async def scene() -> None:
        udp = UdpTransport(received=lambda *_: None, send_failed=lambda target, *_: told.append(target))
        await udp.open(Flow("127.0.0.1", 0))
        udp.send(data, target)
        udp.close()

    uvloop.run(scene())
    return told


def test_a_refused_target_is_told() -> None:
    assert sent(b"x", BROADCAST) == [BROADCAST]


def test_a_message_that_is_too_long_is_not_the_targets_fault() -> None:
    assert sent(b"x" * 70_000, Flow("127.0.0.1", 5060)) == []


@pytest.mark.parametrize(("ours4", "ours6"), [("127.0.0.1", "::1"), ("0.0.0.0", "::")])
def test_one_port_has_a_listener_of_each_family(ours4: str, ours6: str) -> None:
    """A listener at `::` takes nothing of IPv4 (IPV6_V6ONLY): or a peer would have two addresses, and one of them in no trunk's list."""
    came: list[tuple[str, Flow]] = []

    async def scene() -> tuple[int, int]:
        done = asyncio.Event()

        def received(name: str) -> Callable[[bytes, Flow], None]:
            def take(_data: bytes, source: Flow) -> None:
                came.append((name, source))
                if len(came) == 2:
                    done.set()

            return take

        first, second, phone4, phone6 = [
            UdpTransport(received=received(name), send_failed=lambda *_: None) for name in ("4", "6", "phone4", "phone6")
        ]
        await first.open(Flow(ours4, 0))
        port = port_of(first)
        await second.open(Flow(ours6, port, listener=1))
        await phone4.open(Flow("127.0.0.1", 0))
        await phone6.open(Flow("::1", 0))
        phone4.send(b"x", Flow("127.0.0.1", port))
        phone6.send(b"x", Flow("::1", port))
        await asyncio.wait_for(done.wait(), PATIENCE_S)
        ports = port_of(phone4), port_of(phone6)
        for each in (first, second, phone4, phone6):
            each.close()
        return ports

    port4, port6 = uvloop.run(scene())
    assert sorted(came) == [("4", Flow("127.0.0.1", port4)), ("6", Flow("::1", port6, listener=1))]


def port_of(udp: UdpTransport) -> int:
    assert udp._socket is not None
    return int(udp._socket.getsockname()[1])


class Refusing:
    """A socket whose system refuses every datagram with `number`."""

    def __init__(self, number: int) -> None:
        self._number = number

    def sendto(self, _data: bytes, _target: Flow) -> int:
        raise OSError(self._number, "refused")


def told_of(number: int) -> list[Flow]:
    told: list[Flow] = []
    target: Flow = Flow("127.0.0.1", 5060)
    udp = UdpTransport(received=lambda *_: None, send_failed=lambda target, *_: told.append(target))
    udp._transport = object()  # type: ignore[assignment]
    udp._socket = Refusing(number)  # type: ignore[assignment]
    udp.send(b"x", target)
    return told


@pytest.mark.parametrize("number", sorted(LOCAL_ERRORS))
def test_what_the_machine_itself_refuses_is_a_lost_datagram(number: int) -> None:
    assert told_of(number) == []


@pytest.mark.parametrize("number", [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EINVAL])
def test_a_target_that_can_not_be_reached_is_told(number: int) -> None:
    assert told_of(number) == [Flow("127.0.0.1", 5060)]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_what_is_sent_arrives_with_its_source(run: object) -> None:
    async def scene() -> tuple[bytes, Flow]:
        came: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
        one = UdpTransport(received=lambda *_: None, send_failed=lambda *_: None)
        other = UdpTransport(received=lambda data, source: came.put_nowait((data, source)), send_failed=lambda *_: None)
        await one.open(Flow("127.0.0.1", 0))
        await other.open(Flow("127.0.0.1", 0))
        assert one._socket is not None
        assert other._socket is not None
        one.send(b"hello", Flow(*other._socket.getsockname()))
        async with asyncio.timeout(PATIENCE_S):
            data, source = await came.get()
        assert source == Flow(*one._socket.getsockname())
        one.close()
        other.close()
        return data, source

    data, _ = run(scene())  # type: ignore[operator]
    assert data == b"hello"


def test_after_close_nothing_is_sent_and_nothing_breaks() -> None:
    async def scene() -> None:
        udp = UdpTransport(received=lambda *_: None, send_failed=lambda *_: None)
        udp.send(b"x", Flow("127.0.0.1", 9))
        await udp.open(Flow("127.0.0.1", 0))
        udp.close()
        udp.send(b"x", Flow("127.0.0.1", 9))

    asyncio.run(scene())
