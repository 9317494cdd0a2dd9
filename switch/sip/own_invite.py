"""PURE. Writes the INVITE of one outgoing leg each time that it is sent: to another target, with credentials (RFC 3261 §22.2), for a
longer session (RFC 4028 §7.3), to where a 3xx leads (RFC 3261 §8.1.3.4). `outgoing` says when.
"""

from zlib import crc32

from switch.sip.core import UserAgentCore
from switch.sip.digest import DigestClient
from switch.sip.flow import Flow
from switch.sip.headers import is_sips
from switch.sip.identity import sender
from switch.sip.message import Headers, Request, Response
from switch.sip.peer import PeerProfile
from switch.sip.redirect import redirect_targets
from switch.sip.requests import SDP, Fields
from switch.sip.session_timer import MAX_SESSION_S, MIN_SE_S, interval_fields, min_se

MAX_REDIRECTS = 3
"""3xx that one call follows."""
MAX_LENGTHENED = 4
"""422 that one call follows: the line and three proxies before it, each with a Min-SE of its own (RFC 4028 §8.1)."""


class OwnInvite:
    """`cseq`, `branch`: of the last try. `digest`: answers challenges, None: they are failures. `interval_s`: of the session asked for.

    `host`: ours, in From. The other parameters: as `UserAgent.invite` has them.
    """

    __slots__ = (
        "_core",
        "_credentials",
        "_fields",
        "_least_s",
        "_lengthened",
        "_peer",
        "_plain",
        "_seed",
        "_uri",
        "_visited",
        "body",
        "branch",
        "cseq",
        "digest",
        "interval_s",
    )

    def __init__(
        self,
        core: UserAgentCore,
        *,
        uri: str,
        host: str,
        caller: str,
        tag: str,
        body: bytes,
        max_forwards: int,
        call_id: str | None,
        expires_s: int | None,
        extra: Fields,
        peer: PeerProfile,
        plain: bytes = b"",
    ) -> None:
        self._core = core
        self._peer = peer
        self._seed = tag
        self._uri = uri
        self._visited = [uri]
        self._credentials: Fields = ()
        self.digest = None if peer.credentials is None else DigestClient(credentials=peer.credentials, token=core.token)
        self.interval_s = peer.session_expires_s
        self._least_s = MIN_SE_S
        self._lengthened = 0
        self.cseq = 0
        self.branch = ""
        self.body = body
        self._plain = plain
        self._fields: tuple[Fields, Fields] = (
            (
                ("Max-Forwards", str(max_forwards)),
                ("From", f"{sender(caller, host=host, uri=uri)};tag={tag}"),
                ("To", f"<{uri}>"),
                ("Call-ID", call_id or core.token()),
            ),
            (
                *(() if expires_s is None else (("Expires", str(expires_s)),)),
                ("User-Agent", core.listeners.user_agent),
                *extra,
                *((SDP,) if body else ()),
            ),
        )

    def next_try(self, uri: str, target: Flow) -> Request:
        """Returns the INVITE anew: another branch, the next CSeq, credentials as far as they were asked for."""
        self.cseq += 1
        self.branch = self._core.new_branch()
        self._uri = uri
        self._credentials = () if self.digest is None else self.digest.fields("INVITE", uri)
        return self.over(target)

    def over(self, target: Flow) -> Request:
        """Returns this try's INVITE as it is sent to `target`."""
        listeners = self._core.listeners
        before, after = self._fields
        fields = (
            listeners.via(target, self.branch),
            *before,
            ("CSeq", f"{self.cseq} INVITE"),
            listeners.contact(target, is_sips=is_sips(self._uri)),
            *self._peer.abilities.request_fields,
            *interval_fields(self.interval_s, least_s=self._least_s),
            *self._credentials,
            *after,
        )
        return Request(method="INVITE", uri=self._uri, headers=Headers(fields), body=self.body)

    def lengthen(self, response: Response) -> bool:
        """Asks for the session that a 422 wants from now on. Returns False where that is no longer one, or the line and its proxies wanted
        a longer one too often."""
        least_s = min_se(response.headers)
        if self._lengthened >= MAX_LENGTHENED or not max(self._least_s, self.interval_s or 0) < least_s < MAX_SESSION_S:
            return False
        self._lengthened += 1
        self.interval_s = self._least_s = least_s
        return True

    def turns_plain(self) -> bool:
        """Offers plain audio from now on. Returns False where that may not be offered, or was."""
        if not self._plain:
            return False
        self.body, self._plain = self._plain, b""
        return True

    def redirection(self, response: Response, *, like: Flow, now_ns: int) -> tuple[str, tuple[Flow, ...]] | None:
        """Returns where a 3xx leads: the URI and its targets, of a host that config names for this line, so often and nowhere twice.
        None: nowhere."""
        if len(self._visited) > MAX_REDIRECTS:
            return None
        seed = crc32(self._seed.encode())
        for uri in redirect_targets(response, hosts=self._peer.redirects):
            targets = () if uri in self._visited else self._core.locator.redirected(uri, like=like, seed=seed, now_ns=now_ns)
            if targets:
                self._visited.append(uri)
                return uri, targets
        return None
