"""PURE. Registers the switch with a trunk's registrar (RFC 3261 §10.2), and keeps it registered until it is stopped.

Where the registrar's name stands for several targets, the next is asked when one can't be reached, is silent or sends 503 (RFC 3263 §4.3).
Refreshed at a part of what was granted. 423 is followed; a registrar that refuses is asked again after a long wait, one that fails or
is silent after waits that double, with a random share so that many switches do not come back at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

from switch.sip.capabilities import ALLOW
from switch.sip.core import UserAgentCore
from switch.sip.digest import Credentials, DigestClient
from switch.sip.flow import Flow
from switch.sip.headers import SipUri, param, parse_name_addr, parse_seconds, parse_uint, parse_uri
from switch.sip.message import Response
from switch.sip.outside import OutsideRequest, Sender
from switch.sip.requests import Fields
from switch.sip.transaction import NS_PER_S, Timer

MIN_EXPIRES_S = 10
"""What a registrar grants below that is taken as so much: it is not asked more often."""
MAX_RAISES = 2
"""423 in a row that are followed at once."""
MAX_EXPIRES_S = 86_400
REFRESH_PERCENT = 80
"""Of what was granted, until it is refreshed."""
FIRST_WAIT_S = 4
MAX_WAIT_S = 600
"""The waits after failures: the first, doubling up to the longest; of each, between a half and all."""
REFUSED_WAIT_S = 900
"""After 403, 404 and credentials that are wrong: asking again at once would only lock the account."""
WAIT_FOR_DNS_NS = NS_PER_S
"""How soon a registrar is looked for again whose name DNS has not been heard about yet."""
_PASSED_OVER = frozenset({408, 503})
_REFUSALS = frozenset({401, 403, 404, 407})


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """`trunk`: whose it is. `uri`: the registrar's. `username`: of the address of record, and of Contact unless `contact_user`
    says otherwise."""

    trunk: str
    uri: str
    credentials: Credentials
    expires_s: int = 600
    contact_user: str = ""


class Registration:
    """Runs until `stop`. `changed(registration, now_ns)` is called when it becomes registered or ceases to be, and at each failure.

    `until_ns`: until when the registrar sends calls here; None: it does not. `status`: of the last answer; None: none came.
    `failures`: in a row.
    """

    __slots__ = (
        "_changed",
        "_core",
        "_cseq",
        "_digest",
        "_expires_s",
        "_raises",
        "_request",
        "_seed",
        "_sender",
        "_targets",
        "_timer",
        "failures",
        "next_ns",
        "registrar",
        "status",
        "until_ns",
    )

    def __init__(
        self, core: UserAgentCore, registrar: Registrar, *, changed: Callable[["Registration", int], None], now_ns: int
    ) -> None:
        self._core = core
        self._changed = changed
        self.registrar = registrar
        self.until_ns: int | None = None
        self.status: int | None = None
        self.failures = 0
        self._expires_s = registrar.expires_s
        self._raises = 0
        self._cseq = 0
        self._digest = DigestClient(credentials=registrar.credentials, token=core.token)
        uri = parse_uri(registrar.uri)
        record = SipUri(user=registrar.credentials.username, host="" if uri is None else uri.host)
        self._sender = Sender(f"<{record}>", f"<{record}>", core.token(), core.token())
        self._request: OutsideRequest | None = None
        self._seed = crc32(core.token().encode())
        self._targets: tuple[Flow, ...] = ()
        self.next_ns = now_ns
        self._timer: Timer | None = core.timer_heap.add(now_ns, self._register)

    def stop(self, now_ns: int) -> None:
        """Asks the registrar to forget us, where it may know us and its name still has an address, and does not wait for its answer."""
        self._core.timer_heap.cancel(self._timer)
        may_be_known = self.until_ns is not None or self._request is not None
        if self._request is not None:
            self._request.give_up()
        if may_be_known and self._targets:
            self._send(0, done=lambda _response, _now_ns: None, now_ns=now_ns)
        self.until_ns = None

    def is_registered(self, now_ns: int) -> bool:
        return self.until_ns is not None and now_ns < self.until_ns

    def _register(self, now_ns: int) -> None:
        """Asks the first target. The same draw each time: the registrar that knows us is refreshed."""
        locator, uri = self._core.locator, self.registrar.uri
        self._targets = locator.targets(uri, seed=self._seed, now_ns=now_ns)
        if self._targets:
            self._request = self._send(self._expires_s, done=self._answered, now_ns=now_ns)
        elif locator.is_known(uri):
            self._answered(None, now_ns)
        else:
            self._again(WAIT_FOR_DNS_NS, now_ns)

    def _send(self, expires_s: int, *, done: Callable[[Response | None, int], None], now_ns: int) -> OutsideRequest:
        self._cseq = 1 + (self._cseq if self._request is None else max(self._cseq, self._request.last_cseq))
        return OutsideRequest(
            self._core,
            method="REGISTER",
            uri=self.registrar.uri,
            flow=self._targets[0],
            sender=self._sender,
            cseq=self._cseq,
            extra=(*self._contact(), ("Expires", str(expires_s)), ALLOW),
            digest=self._digest,
            done=done,
            now_ns=now_ns,
        )

    def _contact(self) -> Fields:
        """Contact with a user: where the registrar's calls come to, as this trunk's."""
        name, value = self._core.listeners.contact(self._targets[0])
        address = parse_name_addr(value)
        uri = None if address is None else parse_uri(address.uri)
        if uri is None:
            return ((name, value),)
        user = self.registrar.contact_user or self.registrar.credentials.username
        return ((name, f"<{SipUri(scheme=uri.scheme, user=user, host=uri.host, port=uri.port, params=uri.params)}>"),)

    def _answered(self, response: Response | None, now_ns: int) -> None:
        if self._request is not None:
            self._cseq = self._request.last_cseq
        self._request = None
        self.status = None if response is None else response.status
        if self._is_passed_over(now_ns):
            self._request = self._send(self._expires_s, done=self._answered, now_ns=now_ns)
            return
        least_s = 0 if response is None else parse_seconds(response.headers.get("Min-Expires") or "", MAX_EXPIRES_S) or 0
        if response is not None and response.status == 423 and least_s > self._expires_s and self._raises < MAX_RAISES:
            self._expires_s = least_s
            self._raises += 1
            self._register(now_ns)
            return
        self._raises = 0
        granted_s = 0
        if response is not None and response.status < 300:
            granted_s = _granted_s(response, self._contact()[0][1], asked_s=self._expires_s)
        if granted_s:
            self._on_granted(max(MIN_EXPIRES_S, granted_s), now_ns)
        else:
            self._on_failure(response, now_ns)

    def _is_passed_over(self, now_ns: int) -> bool:
        """Notes whether the target is alive. Returns whether the next one takes its place: it is the first now."""
        if self.status is not None and self.status not in _PASSED_OVER:
            self._core.locator.answered(self._targets[0])
            return False
        for target in self._targets[:1]:
            self._core.locator.failed(target, now_ns)
        if len(self._targets) < 2:
            return False
        self._targets = self._targets[1:]
        return True

    def _on_granted(self, granted_s: int, now_ns: int) -> None:
        was_registered = self.is_registered(now_ns)
        self.until_ns = now_ns + granted_s * NS_PER_S
        self.failures = 0
        self._again(granted_s * NS_PER_S * REFRESH_PERCENT // 100, now_ns)
        if not was_registered:
            self._changed(self, now_ns)

    def _on_failure(self, response: Response | None, now_ns: int) -> None:
        """What was granted before stands until it runs out."""
        self.failures += 1
        if response is not None and response.status in _REFUSALS:
            wait_s, self.until_ns = REFUSED_WAIT_S, None
        else:
            wait_s = min(MAX_WAIT_S, FIRST_WAIT_S << min(self.failures - 1, 10))
        asked_s = 0 if response is None else parse_seconds(response.headers.get("Retry-After") or "", MAX_WAIT_S) or 0
        share = crc32(self._core.token().encode()) % 1_000
        drawn_ns = wait_s * NS_PER_S // 2 + wait_s * NS_PER_S * share // 2_000
        self._again(max(drawn_ns, asked_s * NS_PER_S), now_ns)
        self._changed(self, now_ns)

    def _again(self, wait_ns: int, now_ns: int) -> None:
        self.next_ns = now_ns + wait_ns
        self._timer = self._core.timer_heap.add(self.next_ns, self._register)


def _granted_s(response: Response, ours: str, *, asked_s: int) -> int:
    """Returns what was granted: to our Contact among those that the registrar lists, else to all (RFC 3261 §10.3)."""
    mine = parse_name_addr(ours)
    for value in response.headers.all("Contact"):
        listed = parse_name_addr(value)
        if listed is not None and mine is not None and _bare(listed.uri) == _bare(mine.uri):
            granted = parse_uint(param(listed.params, "expires") or "", 2**32 - 1)
            if granted is not None:
                return min(granted, MAX_EXPIRES_S)
    return parse_seconds(response.headers.get("Expires") or "", MAX_EXPIRES_S) or min(asked_s, MAX_EXPIRES_S)


def _bare(text: str) -> tuple[str | None, str, int | None] | str:
    uri = parse_uri(text)
    return text if uri is None else (uri.user, uri.host.lower(), uri.port)
