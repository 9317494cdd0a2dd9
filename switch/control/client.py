"""Asks a running switch over its control socket. Blocking, for commands of a shell."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from switch.control.messages import VERSION, Command, Failed, Hello, Message, Watch, decode_reply, encode
from switch.control.server import SOCKET_NAME

AnyReply = TypeVar("AnyReply", bound=Message)

ANSWER_S = 10.0
"""How long a switch may take to answer: it answers between two packets of its calls."""
MAX_REPLY_BYTES = 64 << 20


class ControlError(Exception):
    """Why there is no answer, as text for people."""


class NotRunning(ControlError):
    """No switch has this data directory."""


class ControlClient:
    """One connection. `hello`: what the switch said of itself."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._lines = connected.makefile("rb")
        self.hello = self._read(Hello)
        if self.hello.version != VERSION:
            raise ControlError(
                f"the switch (process {self.hello.pid}) speaks version {self.hello.version} of control, this command {VERSION}: "
                "use the `payphone` that runs it"
            )

    def ask(self, command: Command | Watch, kind: type[AnyReply]) -> AnyReply:
        """Returns the reply, of `Watch` the first one. Raises ControlError."""
        try:
            self._socket.sendall(encode(command) + b"\n")
        except OSError as error:
            raise ControlError(f"the switch has closed the connection: {error.strerror or error}") from error
        return self._read(kind)

    def wait_for_end(self, timeout_s: float) -> bool:
        """Waits until the switch has ended. False: it has not within that time."""
        self._socket.settimeout(timeout_s)
        try:
            while self._lines.readline(MAX_REPLY_BYTES):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def _read(self, kind: type[AnyReply]) -> AnyReply:
        try:
            line = self._lines.readline(MAX_REPLY_BYTES)
            reply = decode_reply(line)
        except TimeoutError as error:
            raise ControlError(f"the switch does not answer within {ANSWER_S:g} s") from error
        except (OSError, msgspec.MsgspecError) as error:
            raise ControlError(f"the switch has closed the connection, or speaks another language: {error}") from error
        if isinstance(reply, Failed):
            raise ControlError(reply.why)
        if not isinstance(reply, kind):
            raise ControlError(f"the switch answers {type(reply).__name__} instead of {kind.__name__}")
        return reply


@contextmanager
def connected(data: Path) -> Iterator[ControlClient]:
    """A connection to the switch whose `switch.data` is `data`. Raises NotRunning, ControlError."""
    path = data / SOCKET_NAME
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(ANSWER_S)
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise NotRunning(f"no switch is running with its data in {data}") from error
        except PermissionError as error:
            raise ControlError(f"{path}: only the user that runs the switch, and root, may open it") from error
        except OSError as error:
            raise ControlError(f"{path}: {error.strerror or error}") from error
        yield ControlClient(client)
