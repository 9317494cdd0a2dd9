"""Runs one listener for SIP over TCP or TLS: connections in and out, messages in with their source, messages out to their target.

Requests go by a connection to their target that is there already, else by a new one; answers by the connection of their request, or, when
that is gone, by a new one to where its Via says (RFC 3261 §18). Every queue is bounded, and nobody waits for a peer that does not read.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from switch.sip.flow import Flow
from switch.sip.framing import PING, PONG, sent_by_port
from switch.transport.connection import Connection, Pending

MAX_CONNECTIONS = 2_000
"""Of one listener."""
MAX_CONNECTIONS_OF_HOST = 100
BACKLOG = 512
CONNECT_S = 3.0
"""For TCP's handshake, and again for TLS's."""
UNFINISHED_S = 15.0
"""A message that has begun, or the first of a connection, is there by then."""
IDLE_S = 2 * 60 * 60.0
"""A connection by which nothing has come is closed after this long. Calls last for hours without a word."""
SWEEP_S = 5.0
FULL_S = 1.0
"""How long no connection is accepted when the process has no file left for it."""

_log = structlog.get_logger("payphone")

ServerContext = Callable[[], ssl.SSLContext | None]
"""What new connections are made with: None is TCP."""


class StreamTransport:
    """`listener`: the flow of its own address, with the index of it. `received(data, source)` for each message; `send_failed(target)` when
    a request can't be sent, or the connection by which it went is lost. `is_known(host)`: whether connections from there are taken.

    `server`, `client`: give the present TLS contexts.
    """

    def __init__(
        self,
        listener: Flow,
        *,
        received: Callable[[bytes, Flow], None],
        send_failed: Callable[[Flow], None],
        is_known: Callable[[str], bool],
        server: ServerContext = lambda: None,
        client: ServerContext = lambda: None,
    ) -> None:
        self._listener = listener
        self._received = received
        self._send_failed = send_failed
        self._is_known = is_known
        self._server = server
        self._client = client
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._connections: dict[Flow, Connection] = {}
        self._aliases: dict[Flow, Connection] = {}
        self._connecting: dict[Flow, Pending] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._of_host: Counter[str] = Counter()

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
        if connection is None:
            self._connect(data, target, is_request=is_request)
        else:
            self._write(connection, data, target, is_request=is_request)

    def sweep(self, now_s: float) -> None:
        """Closes what is idle or unfinished at `now_s`, in the loop's time."""
        for connection in list(self._connections.values()):
            if connection.is_overdue(now_s, unfinished_s=UNFINISHED_S, idle_s=IDLE_S):
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
            source = self._listener._replace(host=address[0], port=address[1])
            if self._has_room(source.host) and self._is_known(source.host):
                self._of_host[source.host] += 1
                self._run(self._take(accepted, source))
            else:
                _reset(accepted)

    def _has_room(self, host: str) -> bool:
        return self._of_host.total() < MAX_CONNECTIONS and self._of_host[host] < MAX_CONNECTIONS_OF_HOST

    def _leave(self, host: str) -> None:
        self._of_host[host] -= 1
        if not self._of_host[host]:
            del self._of_host[host]

    async def _take(self, accepted: socket.socket, source: Flow) -> None:
        loop = asyncio.get_running_loop()
        context = self._server()
        limits = {} if context is None else {"ssl_handshake_timeout": CONNECT_S}
        try:
            await loop.connect_accepted_socket(lambda: self._made(source, is_incoming=True), accepted, ssl=context, **limits)
        except (OSError, ssl.SSLError, TimeoutError) as error:
            accepted.close()
            self._leave(source.host)
            _log.warning("TLS refused", source=f"{source.host}:{source.port}", why=_why(error))

    def _made(self, flow: Flow, *, is_incoming: bool) -> Connection:
        return Connection(flow, is_incoming=is_incoming, opened=self._on_open, came=self._on_data, lost=self._on_lost)

    # connections of ours

    def _connect(self, data: bytes, target: Flow, *, is_request: bool) -> None:
        pending = self._connecting.get(target)
        if pending is None:
            if self._socket is None or not self._has_room(target.host):
                if is_request:
                    self._send_failed(target)
                return
            self._of_host[target.host] += 1
            pending = self._connecting[target] = Pending()
            self._run(self._dial(target))
        if not pending.add(data, is_request=is_request) and is_request:
            self._send_failed(target)

    async def _dial(self, target: Flow) -> None:
        loop = asyncio.get_running_loop()
        context = self._client()
        outgoing = socket.socket(socket.AF_INET6 if ":" in target.host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            outgoing.setblocking(False)
            if self._socket is not None:
                outgoing.bind((self._socket.getsockname()[0], 0))
            async with asyncio.timeout(CONNECT_S):
                await loop.sock_connect(outgoing, (target.host, target.port))
            if context is None:
                await loop.create_connection(lambda: self._made(target, is_incoming=False), sock=outgoing)
            else:
                await loop.create_connection(
                    lambda: self._made(target, is_incoming=False),
                    sock=outgoing,
                    ssl=context,
                    server_hostname=target.server_name or target.host,
                    ssl_handshake_timeout=CONNECT_S,
                )
        except (OSError, ssl.SSLError, TimeoutError) as error:
            outgoing.close()
            self._leave(target.host)
            pending = self._connecting.pop(target)
            _log.warning("no connection", target=f"{target.host}:{target.port}", name=target.server_name or None, why=_why(error))
            if pending.has_requests:
                self._send_failed(target)
        else:
            connection, pending = self._connections.get(target), self._connecting.pop(target)
            for data, is_request in pending.messages:
                if connection is not None and not connection.is_closed:
                    self._write(connection, data, target, is_request=is_request)
                elif is_request:
                    self._send_failed(target)

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
                self._note_alias(connection, frame)
                connection.has_spoken = True
                self._received(frame, connection.flow)
        if framer.broken is not None:
            source = f"{connection.flow.host}:{connection.flow.port}"
            _log.warning("connection closed", source=source, why=str(framer.broken))
            connection.close()
        return bool(frames)

    def _note_alias(self, connection: Connection, frame: bytes) -> None:
        """By the first request that comes, the connection is also one to the address where its sender listens, as its Via says
        (RFC 5923 §5): what goes there needs no other."""
        if connection.has_spoken or frame.startswith(b"SIP/"):
            return
        port = sent_by_port(frame, connection.flow.transport)
        if port is not None:
            connection.alias = connection.flow._replace(port=port)
            self._aliases.setdefault(connection.alias, connection)

    def _write(self, connection: Connection, data: bytes, target: Flow, *, is_request: bool) -> None:
        if is_request:
            connection.targets.add(target)
        if not connection.write(data):
            _log.warning("connection closed", target=f"{target.host}:{target.port}", why="the peer does not read")

    def _on_lost(self, connection: Connection) -> None:
        """What was sent by it may not have arrived (RFC 3261 §18.4)."""
        flow = connection.flow
        if self._connections.get(flow) is connection:
            del self._connections[flow]
        if connection.alias is not None and self._aliases.get(connection.alias) is connection:
            del self._aliases[connection.alias]
        self._leave(flow.host)
        if self._socket is not None:
            for target in connection.targets:
                self._send_failed(target)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

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
            return str(error) or "the peer closed the connection"
