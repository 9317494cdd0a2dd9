"""PURE. Asks by OPTIONS whether a trunk or line is alive, with hysteresis: several misses in a row are down, several hits up again.

Any answer but 408 and 503 is a hit (`docs/carriers.md` §10): who answers 404 or 405 is alive. A probe that has no answer when the next is
due is a miss. Where a name stands for several targets, the one that a call would go to first is asked, after a miss another one: the name
is down when all of them have missed in a row. Of a name that is down the target that answers is asked again. Routing is elsewhere.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zlib import crc32

from switch.sip.capabilities import ACCEPT
from switch.sip.core import UserAgentCore
from switch.sip.digest import Credentials, DigestClient
from switch.sip.flow import Flow
from switch.sip.headers import SipUri, parse_uri
from switch.sip.message import Response
from switch.sip.outside import OutsideRequest, Sender
from switch.sip.targets import MAX_TARGETS
from switch.sip.transaction import Timer

_DEAD = frozenset({408, 503})
_SPREAD = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """`name`: `line:acme-east`, `trunk:level3`. `uri`: what is asked (`probed_uri`). `every_ns`: between two probes."""

    name: str
    uri: str
    every_ns: int
    misses: int = 3
    hits: int = 2
    credentials: Credentials | None = None


class Probe:
    """Runs one watch until `stop`. `changed(probe)` is called when it goes down or comes up; at first it counts as up.

    `last_status`: of the last answer; None: there was none to the last probe, or no probe yet. `has_answered`: to any probe.
    `changed_ns`: None: it was always up.
    """

    __slots__ = (
        "_call_id",
        "_changed",
        "_core",
        "_cseq",
        "_digest",
        "_least",
        "_missed",
        "_request",
        "_row",
        "_tag",
        "_target",
        "_timer",
        "changed_ns",
        "has_answered",
        "is_up",
        "last_status",
        "watch",
    )

    def __init__(self, core: UserAgentCore, watch: Watch, *, changed: Callable[["Probe"], None], now_ns: int) -> None:
        """The first probe comes within the interval, at a share of it that follows from the name: not all at once."""
        self._core = core
        self._changed = changed
        self.watch = watch
        self.is_up = True
        self.has_answered = False
        self.changed_ns: int | None = None
        self.last_status: int | None = None
        self._row = 0
        self._least = watch.misses
        self._missed: deque[Flow] = deque(maxlen=MAX_TARGETS)
        self._cseq = 0
        self._request: OutsideRequest | None = None
        self._target: Flow | None = None
        self._call_id, self._tag = core.token(), core.token()
        self._digest = None if watch.credentials is None else DigestClient(credentials=watch.credentials, token=core.token)
        share_ns = watch.every_ns * (crc32(watch.name.encode()) % _SPREAD) // _SPREAD
        self._timer: Timer | None = core.timer_heap.add(now_ns + share_ns, self._ask)

    def stop(self) -> None:
        self._core.timer_heap.cancel(self._timer)
        if self._request is not None:
            self._request.give_up()

    def _ask(self, now_ns: int) -> None:
        if self._request is not None:
            self._request.give_up()
            self._answered(None, now_ns)
        self._cseq += 1
        core = self._core
        self._target = target = self._next_target(core.locator.targets(self.watch.uri, seed=self._cseq, now_ns=now_ns))
        if target is None:
            self._answered(None, now_ns)
        else:
            ours = SipUri(host=core.listeners.local(target).host)
            self._request = OutsideRequest(
                core,
                method="OPTIONS",
                uri=self.watch.uri,
                flow=target,
                sender=Sender(f"<{ours}>", f"<{self.watch.uri}>", self._call_id, self._tag),
                cseq=self._cseq,
                extra=(core.listeners.contact(target), ACCEPT),
                digest=self._digest,
                done=self._answered,
                now_ns=now_ns,
            )
        self._timer = self._core.timer_heap.add(now_ns + self.watch.every_ns, self._ask)

    def _next_target(self, targets: Sequence[Flow]) -> Flow | None:
        """Returns the first that has not missed since the last hit, else the one whose miss is longest ago; None: there is none."""
        self._least = max(self.watch.misses, len(targets))
        if self._target in targets and self._row and not self.is_up:
            return self._target
        missed = {target: number for number, target in enumerate(self._missed)}
        return min(targets, key=lambda target: missed.get(target, -1), default=None)

    def _answered(self, response: Response | None, now_ns: int) -> None:
        if self._request is not None:
            self._cseq = self._request.last_cseq
        self._request = None
        self.last_status = None if response is None else response.status
        is_hit = response is not None and response.status not in _DEAD
        self.has_answered |= is_hit
        if self._target is not None and not is_hit:
            self._core.locator.failed(self._target, now_ns)
            self._missed.append(self._target)
        elif self._target is not None:
            self._core.locator.answered(self._target)
            self._missed.clear()
        if is_hit == self.is_up:
            self._row = 0
            return
        self._row += 1
        if self._row >= (self.watch.hits if is_hit else self._least):
            self.is_up, self.changed_ns, self._row = is_hit, now_ns, 0
            self._changed(self)


def probed_uri(uri: str) -> str:
    """Returns the URI of a host alone, without a user: who is asked whether it is alive, not whom it would ring."""
    parsed = parse_uri(uri)
    if parsed is None:
        raise RuntimeError(f"config let an unusable URI pass: {uri}")
    params = tuple([pair for pair in parsed.params if pair[0] == "transport"])
    return str(SipUri(scheme=parsed.scheme, host=parsed.host, port=parsed.port, params=params))
