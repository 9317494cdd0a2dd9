"""Runs the control socket: a Unix socket that the switch's own user may open, commands in, replies out. It decides nothing.

A client delays nobody but itself: its next command is read when the reply to the last one has left, all of a connection is bounded, and
what is malformed ends it. What those who watch are sent is up to the publisher.
"""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from switch.control.messages import MAX_COMMAND_BYTES, Command, Eavesdropping, Failed, Hello, Reply, Watch, decode_command, encode
from switch.control.publisher import Publisher

SOCKET_NAME = "control.sock"
MODE = 0o600
MAX_CLIENTS = 128
MAX_REPLY_WAIT_S = 5.0
"""How long a client may take to accept a reply."""


class ControlServer:
    """`hello()` greets a client, `carry_out(command)` makes a command's reply, at once; `publisher` has those who watch.
    `stop_listening(tap)`: who listened in by this tap has left. `open` and `close` once each."""

    def __init__(
        self,
        data: Path,
        *,
        hello: Callable[[], Hello],
        carry_out: Callable[[Command], Reply],
        publisher: Publisher,
        stop_listening: Callable[[int], None],
    ) -> None:
        self._path = data / SOCKET_NAME
        self._hello = hello
        self._carry_out = carry_out
        self._publisher = publisher
        self._stop_listening = stop_listening
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Takes the place of a socket that a dead switch left: the caller holds the lock of the directory. Raises OSError."""
        self._path.unlink(missing_ok=True)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            bound.bind(str(self._path))
            self._path.chmod(MODE)  # nobody can connect before listen
            bound.setblocking(False)
            self._server = await asyncio.start_unix_server(self._connected, sock=bound, limit=MAX_COMMAND_BYTES)
        except OSError:
            bound.close()
            raise

    async def close(self) -> None:
        """Ends every connection, and removes the socket."""
        if self._server is None:
            return
        self._server.close()
        self._publisher.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.current_task()
        if client is None or len(self._clients) >= MAX_CLIENTS:
            writer.transport.abort()
            return
        self._clients.add(client)
        taps: list[int] = []
        try:
            await self._serve(reader, writer, taps)
        except (OSError, TimeoutError, ValueError, asyncio.CancelledError):  # ValueError: a line beyond the limit
            pass
        finally:
            self._clients.discard(client)
            self._publisher.remove(writer.transport)
            for tap in taps:
                self._stop_listening(tap)
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, taps: list[int]) -> None:
        """Until the client leaves, or sends what is no command. Adds to `taps` those that it listens in by."""
        writer.transport.set_write_buffer_limits(high=0)  # `drain` waits until all has left
        await _send(writer, self._hello())
        while (line := await reader.readline()).endswith(b"\n"):
            try:
                command = decode_command(line)
                if isinstance(command, Watch):
                    self._publisher.add(writer.transport, command.id)
                    await _drained(writer)
                    continue
                reply = self._carry_out(command)
                if isinstance(reply, Eavesdropping):
                    taps.append(reply.tap)
            except msgspec.MsgspecError as error:
                await _send(writer, Failed(why=f"not a command: {error}"))
                return
            await _send(writer, reply)


async def _send(writer: asyncio.StreamWriter, reply: Reply) -> None:
    """Raises TimeoutError when the client does not take it."""
    writer.write(encode(reply) + b"\n")
    await _drained(writer)


async def _drained(writer: asyncio.StreamWriter) -> None:
    """Raises TimeoutError when the client does not take what it was sent."""
    async with asyncio.timeout(MAX_REPLY_WAIT_S):
        await writer.drain()
