"""Receives the webhooks of a rig's switch, as `receivers` in `rig.yaml` has it, and says what was wrong with what came."""

import hashlib
import hmac
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from child_process import wait_until
from rig_expect import differences_in
from rig_ports import LOOPBACK
from rig_words import RigError

SECRET = "rig-secret"  # noqa: S105 (of configs that nobody else has)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverKind:
    """`fails`: by event, how many tries are answered with 500 first. `mute`: it takes connections, and never answers."""

    name: str
    fails: Mapping[str, int]
    mute: bool = False


@dataclass(frozen=True, slots=True)
class Got:
    """One request. `taken`: it was answered with 200."""

    event: str
    id: str
    taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStep:
    """A process beside the switch, `killed`, is killed with SIGKILL; or else it is waited until `receiver` has got `event` so often."""

    killed: str = ""
    receiver: str = ""
    event: str = ""
    tries: int = 1


def webhook_step(told: Mapping[str, Any], place: str) -> WebhookStep | None:
    """`killed: deliver`, or `receiver: hooks, gets: converted, tries: 2`. None: it is another step. Raises RigError."""
    match told:
        case {"killed": str(name), **rest} if not rest:
            return WebhookStep(killed=name)
        case {"receiver": str(name), "gets": str(event), **rest}:
            if set(rest) - {"tries"}:
                raise RigError(f"{place}: write `receiver: NAME, gets: EVENT, tries: NUMBER`")
            return WebhookStep(receiver=name, event=event, tries=int(rest.get("tries", 1)))
    return None


def read_receivers(told: Mapping[str, Any], place: str) -> tuple[ReceiverKind, ...]:
    """`receivers: {hooks: {fails: {converted: 2}}, deaf: {mute: true}}`. Raises RigError."""
    for name, each in told.items():
        if unknown := set(each or {}) - {"fails", "mute"}:
            raise RigError(f"{place}: receivers.{name}: unknown {', '.join(sorted(unknown))}; known are fails, mute")
    return tuple(
        ReceiverKind(name=name, fails=(each or {}).get("fails", {}), mute=bool((each or {}).get("mute")))
        for name, each in told.items()
    )


class Receiver:
    """Listens from now on until `stop`."""

    def __init__(self, kind: ReceiverKind) -> None:
        self._kind = kind
        self._got: list[Got] = []
        self._wrong: list[str] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._handle(self)

            def do_GET(self) -> None:
                receiver._handle(self)

            def log_message(self, *_: object) -> None:
                """The rig says what came."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def at(self) -> str:
        return f"{LOOPBACK}:{self._server.server_address[1]}"

    def gets(self, event: str, tries: int, deadline_s: float) -> list[str]:
        """Waits until `event` has come so often. What was wrong."""
        came = wait_until(lambda: self._tries()[event] >= tries, deadline_s)
        return [] if came else [f"{self._kind.name}: got {event} {self._tries()[event]} times instead of {tries}: {self._told()}"]

    def stop(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def problems(self, expected: Mapping[str, Any]) -> list[str]:
        """What differs. `taken`: events that were taken, each id once, in the order of the first time; `tries`: by event, how often it
        came. And always: what is signed wrongly, an id of two events, a payout before all conversions were taken."""
        with self._lock:
            got, problems = list(self._got), list(self._wrong)
        first: dict[str, str] = {}
        others = [each for each in got if first.setdefault(each.id, each.event) != each.event]
        problems += [f"one id of two events: {first[each.id]}, {each.event}" for each in others]
        taken = {each.id: each.event for each in got if each.taken}
        payouts = [at for at, each in enumerate(got) if each.event == "payout"]
        conversions = [at for at, each in enumerate(got) if each.event == "converted" and each.taken]
        if payouts and (not conversions or min(payouts) < min(conversions)):
            problems.append("a payout came before the conversion was taken")
        found = {"taken": list(taken.values()), "tries": dict(self._tries())}
        problems += differences_in(f"{self._kind.name}", expected, found)
        return problems if not problems else [*problems, f"{self._kind.name}: {self._told()}"]

    def _tries(self) -> Counter[str]:
        with self._lock:
            return Counter(each.event for each in self._got)

    def _told(self) -> str:
        with self._lock:
            return ", ".join(f"{each.event} {each.id[:6]}{'' if each.taken else ' refused'}" for each in self._got) or "nothing"

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        headers = request.headers
        body = request.rfile.read(int(headers.get("Content-Length", 0)))
        event = headers["Payphone-Event"]
        signed = body or request.path.partition("?")[2].encode()
        right = hmac.new(SECRET.encode(), headers["Payphone-Timestamp"].encode() + b"." + signed, hashlib.sha256).hexdigest()
        with self._lock:
            before = sum(each.event == event for each in self._got)
            taken = not self._kind.mute and before >= self._kind.fails.get(event, 0)
            self._got.append(Got(event, headers["Idempotency-Key"], taken))
            if headers["Payphone-Signature"] != f"v1={right}":
                self._wrong.append(f"{event}: is signed wrongly")
        if self._kind.mute:
            self._stopped.wait()
            return
        request.send_response(200 if taken else 500)
        request.send_header("Content-Length", "0")
        request.end_headers()
