"""A mail server that keeps what it is sent: SMTP with STARTTLS and AUTH PLAIN, as far as a client of ours needs them."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from queue import Queue


class SmtpSink:
    """`address`: where it listens on loopback. `mails`: what came. `log`: commands, without secrets. `answers`: by command, what is
    answered instead of a yes. `log_in`: the user name and password that are right; None: none is wanted."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, log_in: tuple[str, str] | None = None) -> None:
        self.mails: Queue[EmailMessage] = Queue()
        self.envelopes: list[tuple[str, tuple[str, ...]]] = []
        self.log: list[str] = []
        self.answers: dict[str, str] = {}
        self.tls = tls
        self.log_in = log_in
        self.address = ("127.0.0.1", 0)

    @contextmanager
    def open(self) -> Iterator["SmtpSink"]:
        sink = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                _Session(sink, self.request).run()

        with socketserver.ThreadingTCPServer(self.address, Handler) as server:
            server.daemon_threads = True
            self.address = server.server_address[:2]  # type: ignore[assignment]
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


class _Session:
    def __init__(self, sink: SmtpSink, connection: ssl.SSLSocket) -> None:
        self._sink = sink
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._is_safe = False
        self._is_in = sink.log_in is None
        self._sender = ""
        self._recipients: list[str] = []

    def run(self) -> None:
        try:
            self._say("220 sink")
            while line := self._lines.readline():
                if not self._answer(line.decode().strip()):
                    return
        except OSError:
            return

    def _say(self, *lines: str) -> None:
        self._connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def _answer(self, line: str) -> bool:
        command, _, rest = line.partition(" ")
        command = command.upper()
        self._sink.log.append(command)
        if command in self._sink.answers:
            self._say(self._sink.answers[command])
            return True
        match command:
            case "EHLO":
                ways = ["250-STARTTLS"] * (self._sink.tls is not None and not self._is_safe)
                self._say("250-sink", *ways, "250-AUTH PLAIN", "250 SIZE 100000")
            case "STARTTLS":
                self._start_tls()
            case "AUTH":
                self._log_in(rest)
            case "MAIL":
                self._sender = rest.removeprefix("FROM:").split()[0].strip("<>")
                self._say("250 ok" if self._is_in else "530 log in first")
            case "RCPT":
                self._recipients.append(rest.removeprefix("TO:").strip("<>"))
                self._say("250 ok")
            case "DATA":
                self._take()
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                self._say("250 ok")
        return True

    def _start_tls(self) -> None:
        if self._sink.tls is None:
            self._say("502 no")
            return
        self._say("220 go on")
        self._connection = self._sink.tls.wrap_socket(self._connection, server_side=True)
        self._lines = self._connection.makefile("rb")
        self._is_safe = True

    def _log_in(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.removeprefix("PLAIN ")).decode().split("\0")
        self._is_in = (user, password) == self._sink.log_in
        self._say("235 ok" if self._is_in else f"535 {user} {password} is wrong")

    def _take(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self._lines.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        self._sink.envelopes.append((self._sender, tuple(self._recipients)))
        self._recipients = []
        self._sink.mails.put(message_from_bytes(b"".join(lines), policy=policy.default))
        self._say("250 kept")
