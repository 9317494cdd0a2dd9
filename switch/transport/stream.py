"""Runs one listener for SIP over TCP or TLS: connections in and out, messages in with their source, messages out to their target.

Requests go by a connection to their target that is there already, else by a new one; answers by the connection of their request, or, when
that is gone, by a new one to where its Via says (RFC 3261 §18). Every queue is bounded, and nobody waits for a peer that does not read.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from switch.engine.peer_log import PeerLogLimit
from switch.sip.flow import Flow, SendFailed, SendFailure
from switch.sip.framing import PING, PONG, sent_by_port
from switch.sip.headers import write_host
from switch.sip.statistics import Statistic
from switch.sip.strangers import SourceBuckets, Standing
from switch.transport.connection import Connection, Pending
from switch.transport.connection_limits import ConnectionLimits

BACKLOG = 512
CONNECT_S = 3.0
"""For TCP's handshake, and again for TLS's."""
SWEEP_S = 5.0
NS_PER_S = 1_000_000_000
FULL_S = 1.0
"""How long no connection is accepted when the process has no file left for it."""
CLOSED = "the peer closed the connection"

_log = structlog.get_logger("payphone")

ServerContext = Callable[[], ssl.SSLContext | None]
"""What new connections are made with: None is TCP."""


class StreamTransport:
    """`listener`: the flow of its own address, with the index of it. `received(data, source)` for each message; `send_failed(target, why,
    words)` when a request can't be sent, or the connection by which it went is lost. `standing(host)`: whether connections from there are
    taken.
    `count(kind, host)`: for each connection that is refused, dropped or fails.

    `server`, `client`: give the present TLS contexts. `limits`: the connections that there are, handshakes included.
    """

    def __init__(
        self,
        listener: Flow,
        *,
        received: Callable[[bytes, Flow], None],
        send_failed: SendFailed,
        standing: Callable[[str], Standing],
        count: Callable[[Statistic, str], None],
        server: ServerContext = lambda: None,
        client: ServerContext = lambda: None,
    ) -> None:
        self._listener = listener
        self._received = received
        self._send_failed = send_failed
        self._standing = standing
        self._count = count
        self._server = server
        self._client = client
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self.limits = ConnectionLimits(lambda host: standing(host) is Standing.PEER)
        self._sources = SourceBuckets()
        self._peer_log = PeerLogLimit()
        self._connections: dict[Flow, Connection] = {}
        self._aliases: dict[Flow, Connection] = {}
        self._connecting: dict[Flow, Pending] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, bind: tuple[str, int]) -> tuple[str, int]:
        """Listens; returns the address. Raises OSError when it can't be had."""
        listening = socket.socket(socket.AF_INET6 if ":" in bind[0] else socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if listening.family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.setblocking(False)
            listening.bind(bind)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
        self._socket = listening
        loop = asyncio.get_running_loop()
        self._accepting = loop.create_task(self._accept(listening))
        self._sweeping = loop.call_later(SWEEP_S, self._sweep_again)
        host, port = listening.getsockname()[:2]
        return host, port

    @property
    def connections(self) -> int:
        """Returns how many connections there are."""
        return len(self._connections)

    def send(self, data: bytes, target: Flow) -> None:
        """Sends at once, or when the connection is made; `send_failed` tells if that fails."""
        is_request = not data.startswith(b"SIP/")
        connection = self._find(target)
        if connection is None and not is_request:  # that by which the request came is gone (RFC 3261 §18.2.2)
            port = sent_by_port(data, target.transport)
            target = target if port is None else target._replace(port=port)
            connection = self._find(target)
        if connection is None and (is_request or self._standing(target.host) is Standing.PEER):
            self._connect(data, target, is_request=is_request)
        elif connection is not None:
            self._write(connection, data, target, is_request=is_request)

    def trust(self, source: Flow) -> None:
        """The far end of this connection has authenticated."""
        connection = self._connections.get(source)
        if connection is not None and connection.place is not None:
            self.limits.prove(connection.place)
            self._note_alias(connection)

    def sweep(self, now_s: float) -> None:
        """Closes at `now_s`, in the loop's time, what is idle, unfinished, or a stranger's for too long."""
        self.limits.sweep(now_s)
        for connection in list(self._connections.values()):
            if connection.is_lingering(now_s):
                connection.abort()
            elif connection.is_closed:
                pass
            elif connection.is_stalled(now_s):
                self._count(Statistic.CONNECTION_STALLED, connection.flow.host)
                connection.close()
            elif connection.is_idle(now_s):
                connection.close()

    async def close(self) -> None:
        """Closes everything."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        tasks = [*self._tasks, *([self._accepting] if self._accepting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._connections.values()):
            connection.close()

    def _find(self, target: Flow) -> Connection | None:
        connection = self._connections.get(target) or self._aliases.get(target)
        return None if connection is None or connection.is_closed else connection

    # connections that come

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    _log.warning("no connection can be accepted", why=error.strerror, again_in_s=FULL_S)
                    await asyncio.sleep(FULL_S)
                elif self._socket is None:
                    return
                continue
            self._on_accepted(accepted, self._listener._replace(host=address[0], port=address[1]))

    def _on_accepted(self, accepted: socket.socket, source: Flow) -> None:
        """A TLS handshake costs more than all that a stranger may send: so often a second, and from nobody who is no caller."""
        now_s = asyncio.get_running_loop().time()
        standing = self._standing(source.host)
        if standing is Standing.MAY_AUTHENTICATE and not self._sources.take(source.host, int(now_s * NS_PER_S)):
            self._count(Statistic.FLOODED, source.host)
            standing = Standing.UNKNOWN
        connection = self._made(source, is_incoming=True)
        if standing is not Standing.UNKNOWN:
            connection.place = self.limits.take(source.host, now_s, drop=lambda: self._drop(connection))
        if connection.place is None:
            self._count(Statistic.CONNECTION_REFUSED, source.host)
            _reset(accepted)
        else:
            connection.handshake = self._run(self._take(accepted, connection))

    def _drop(self, connection: Connection) -> None:
        self._count(Statistic.CONNECTION_DROPPED, connection.flow.host)
        connection.abort()

    async def _take(self, accepted: socket.socket, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        context = self._server()
        limits = {} if context is None else {"ssl_handshake_timeout": CONNECT_S}
        try:
            await loop.connect_accepted_socket(lambda: connection, accepted, ssl=context, **limits)
        except (OSError, ssl.SSLError, TimeoutError) as error:
            self._leave(connection)
            self._count(Statistic.TLS_REFUSED, connection.flow.host)
            self._warn("TLS refused", connection, _why(error))
        finally:
            if connection.handshake is not None:  # it was not made
                accepted.close()

    def _made(self, flow: Flow, *, is_incoming: bool) -> Connection:
        return Connection(flow, is_incoming=is_incoming, opened=self._on_open, came=self._on_data, lost=self._on_lost)

    # connections of ours

    def _connect(self, data: bytes, target: Flow, *, is_request: bool) -> None:
        pending = self._connecting.get(target)
        if pending is None:
            connection = self._made(target, is_incoming=False)
            if self._socket is not None:
                now_s = asyncio.get_running_loop().time()
                connection.place = self.limits.take(target.host, now_s, drop=connection.abort, is_ours=True)
            if connection.place is None:
                if is_request:
                    self._count(Statistic.CONNECTION_FAILED, target.host)
                    self._send_failed(target, SendFailure.UNREACHABLE, "there are too many connections")
                return
            pending = self._connecting[target] = Pending()
            self._run(self._dial(connection))
        if not pending.add(data, is_request=is_request) and is_request:
            self._send_failed(target, SendFailure.UNREACHABLE, "too much waits for its connection")

    async def _dial(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        target, context = connection.flow, self._client()
        tls: dict[str, Any] = {}
        if context is not None:
            tls = {"ssl": context, "server_hostname": target.server_name or target.host, "ssl_handshake_timeout": CONNECT_S}
        outgoing = socket.socket(socket.AF_INET6 if ":" in target.host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            outgoing.setblocking(False)
            if self._socket is not None:
                outgoing.bind((self._socket.getsockname()[0], 0))
            async with asyncio.timeout(CONNECT_S):
                await loop.sock_connect(outgoing, (target.host, target.port))
            await loop.create_connection(lambda: connection, sock=outgoing, **tls)
        except (OSError, ssl.SSLError, TimeoutError) as error:
            outgoing.close()
            self._leave(connection)
            self._count(Statistic.CONNECTION_FAILED, target.host)
            pending = self._connecting.pop(target)
            _log.warning(
                "no connection", target=f"{write_host(target.host)}:{target.port}", name=target.server_name or None, why=_why(error)
            )
            is_refused = isinstance(error, ssl.SSLCertVerificationError)
            if pending.has_requests:
                failure = SendFailure.CERTIFICATE_REFUSED if is_refused else SendFailure.UNREACHABLE
                self._send_failed(target, failure, _why(error))
        else:
            pending = self._connecting.pop(target)
            for data, is_request in pending.messages:
                if not connection.is_closed:
                    self._write(connection, data, target, is_request=is_request)
                elif is_request:
                    self._send_failed(target, SendFailure.UNREACHABLE, CLOSED)

    # what comes and goes by a connection

    def _on_open(self, connection: Connection) -> None:
        self._connections[connection.flow] = connection

    def _on_data(self, connection: Connection, data: bytes) -> bool:
        framer = connection.framer
        frames = framer.feed(data)
        for frame in frames:
            if frame == PING:
                self._write(connection, PONG, connection.flow, is_request=False)
            else:
                self._read_via(connection, frame)
                connection.has_spoken = True
                self._received(frame, connection.flow)
        if framer.broken is not None:
            self._count(Statistic.CONNECTION_BROKEN, connection.flow.host)
            self._warn("connection closed", connection, str(framer.broken))
            connection.close()
        return bool(frames)

    def _read_via(self, connection: Connection, frame: bytes) -> None:
        """By the first request that comes, the connection is also one to the address where its sender listens, as its Via says
        (RFC 5923 §5): what goes there needs no other."""
        if not connection.has_spoken and not frame.startswith(b"SIP/"):
            port = sent_by_port(frame, connection.flow.transport)
            connection.listens_at = None if port is None else connection.flow._replace(port=port)
            self._note_alias(connection)

    def _note_alias(self, connection: Connection) -> None:
        """A stranger may be anybody on a line's host: what is for the line must not go to it."""
        if connection.listens_at is not None and connection.place is not None and not connection.place.is_stranger:
            self._aliases.setdefault(connection.listens_at, connection)

    def _write(self, connection: Connection, data: bytes, target: Flow, *, is_request: bool) -> None:
        if is_request:
            connection.targets.add(target)
        if not connection.write(data):
            self._count(Statistic.CONNECTION_UNREAD, connection.flow.host)
            self._warn("connection closed", connection, "the peer does not read")

    def _on_lost(self, connection: Connection) -> None:
        """What was sent by it may not have arrived (RFC 3261 §18.4)."""
        flow = connection.flow
        if self._connections.get(flow) is connection:
            del self._connections[flow]
        if connection.listens_at is not None and self._aliases.get(connection.listens_at) is connection:
            del self._aliases[connection.listens_at]
        self._leave(connection)
        if connection.error is not None and connection.targets:
            self._warn("connection lost", connection, _why(connection.error))
        if self._socket is not None:
            words = CLOSED if connection.error is None else _why(connection.error)
            for target in connection.targets:
                self._send_failed(target, SendFailure.UNREACHABLE, words)

    def _leave(self, connection: Connection) -> None:
        if connection.place is not None:
            self.limits.leave(connection.place)

    def _warn(self, what: str, connection: Connection, why: str) -> None:
        """Strangers are only counted, and others' lines are bounded: see `PeerLogLimit`."""
        host, port = connection.flow.host, connection.flow.port
        if self._standing(host) is Standing.PEER:
            left = self._peer_log.take(host, int(asyncio.get_running_loop().time() * NS_PER_S))
            if left is not None:
                hint = {"further": "counted, not logged, for up to an hour"} if left == 0 else {}
                _log.warning(what, peer=f"{write_host(host)}:{port}", why=why, **hint)

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _sweep_again(self) -> None:
        loop = asyncio.get_running_loop()
        self.sweep(loop.time())
        self._sweeping = loop.call_later(SWEEP_S, self._sweep_again)


def _reset(accepted: socket.socket) -> None:
    """Closes a connection without a word and without a trace."""
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    accepted.close()


def _why(error: BaseException) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"certificate refused: {error.verify_message}"
        case TimeoutError():
            return "timeout"
        case ssl.SSLError():
            return error.reason or str(error)
        case OSError() if error.errno:
            return os.strerror(error.errno)
        case _:
            return str(error) or CLOSED
