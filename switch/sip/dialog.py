"""PURE. Keeps a dialog (RFC 3261 §12): its two ends, its route set, and where its requests go. Early dialogs are dialogs too (§12.1).

Names in URIs are not resolved: where the next hop is no IP literal, requests go by the flow that the dialog was set up with. So they do
where the peer is behind a NAT (`PeerProfile.nat`): what it signalled is private, and its source is not.
"""

import re

from switch.sip.body import SDP_TYPE
from switch.sip.digest import DigestClient
from switch.sip.flow import Flow, Listeners, is_private, transport_of
from switch.sip.headers import SipUri, has_param, parse_name_addr, parse_uri
from switch.sip.message import Headers, Request, Response
from switch.sip.received import ReceivedRequest
from switch.sip.requests import MAX_FORWARDS, Field, Fields, usable_target

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


class Dialog:
    """One side of a dialog. `local`, `remote`: From and To of our requests, tags included, as text.

    `flow`: by which it was set up. `next_hop`: where our requests go. `is_behind_nat`: that is the peer's source, since what it signalled
    is private. `digest`: answers challenges to them, None: they are failures. `peer_cseq`: the highest CSeq seen from the peer, None before
    the first.
    """

    __slots__ = (
        "_listeners",
        "_nat",
        "_request_uri",
        "_route",
        "_routes",
        "call_id",
        "cseq",
        "digest",
        "flow",
        "is_behind_nat",
        "local",
        "next_hop",
        "peer_cseq",
        "remote",
        "remote_tag",
    )

    def __init__(
        self,
        *,
        call_id: str,
        local: str,
        remote: str,
        remote_tag: str,
        cseq: int,
        peer_cseq: int | None,
        routes: tuple[str, ...],
        target: str,
        flow: Flow,
        listeners: Listeners,
        nat: bool,
        digest: DigestClient | None,
    ) -> None:
        self.call_id = call_id
        self.digest = digest
        self.local = local
        self.remote = remote
        self.remote_tag = remote_tag
        self.cseq = cseq
        self.peer_cseq = peer_cseq
        self._routes = routes
        self.flow = flow
        self._listeners = listeners
        self._nat = nat
        self.is_behind_nat = False
        self.next_hop = flow
        self._request_uri = target
        self._route: tuple[Field, ...] = ()
        self.retarget(target)

    def retarget(self, target: str) -> None:
        """The peer is now reached at `target` (a target refresh, §12.2): computes Request-URI, Route and next hop (§12.2.1.1)."""
        first = parse_uri(self._routes[0]) if self._routes else None
        self._request_uri, hops = target, self._routes
        if first is not None and not has_param(first.params, "lr"):
            # A strict router: its own URI goes into the Request-URI and the target to the end of the route.
            self._request_uri, hops = usable_target(self._routes[0]) or target, (*self._routes[1:], target)
        self._route = tuple([("Route", f"<{hop}>") for hop in hops])
        self.next_hop = self._flow_of(first or parse_uri(target)) or self.flow

    def _flow_of(self, uri: SipUri | None) -> Flow | None:
        """Returns None for a name, which only DNS could resolve, for what no listener of ours reaches, and for what is behind a NAT."""
        if uri is None or not (":" in uri.host or _IPV4.fullmatch(uri.host)):
            return None
        if self._nat and is_private(uri.host) and not is_private(self.flow.host):
            self.is_behind_nat = True
            return None
        return self._listeners.flow_to(uri.host, uri.port, transport=transport_of(uri), like=self.flow)

    @property
    def request_uri(self) -> str:
        """Returns the Request-URI of our requests."""
        return self._request_uri

    @property
    def hosts(self) -> frozenset[str]:
        """Returns where the peer's requests may come from: where it was first heard, and where it is reached."""
        return frozenset((self.flow.host, self.next_hop.host))

    def accepts(self, cseq: int) -> bool:
        """Records the CSeq of a request from the peer. False: it is lower than one seen before (§12.2.2 answers 500)."""
        if self.peer_cseq is not None and cseq < self.peer_cseq:
            return False
        self.peer_cseq = cseq
        return True

    def request(
        self,
        method: str,
        *,
        branch: str,
        cseq: int | None = None,
        extra: Fields = (),
        body: bytes = b"",
        content_type: str = SDP_TYPE,
    ) -> Request:
        """A request inside the dialog. `cseq`: an ACK has its INVITE's; others take the next number."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        fields = (
            self._listeners.via(self.next_hop, branch),
            MAX_FORWARDS,
            *self._route,
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            *extra,
            *(() if self.digest is None or method == "ACK" else self.digest.fields(method, self._request_uri)),
            *((("Content-Type", content_type),) if body else ()),
        )
        return Request(method=method, uri=self._request_uri, headers=Headers(fields), body=body)


def callee_dialog(
    received: ReceivedRequest, *, tag: str, target: str, listeners: Listeners, nat: bool, digest: DigestClient | None
) -> Dialog:
    """The dialog our 2xx to an INVITE makes (§12.1.1). `target`: see `contact_of`."""
    headers = received.request.headers
    return Dialog(
        call_id=received.call_id,
        local=f"{headers.get('To')};tag={tag}",
        remote=headers.get("From") or "",
        remote_tag=received.from_tag,
        cseq=0,
        peer_cseq=received.cseq,
        routes=_record_route(headers),
        target=target,
        flow=received.reply_to,
        listeners=listeners,
        nat=nat,
        digest=digest,
    )


def caller_dialog(
    invite: Request,
    response: Response,
    *,
    cseq: int,
    target: str,
    remote_tag: str,
    flow: Flow,
    listeners: Listeners,
    nat: bool,
    digest: DigestClient | None,
) -> Dialog:
    """The dialog a 2xx to our INVITE makes (§12.1.2). The route set is the Record-Route list in reverse order."""
    headers = response.headers
    return Dialog(
        call_id=invite.headers.get("Call-ID") or "",
        local=invite.headers.get("From") or "",
        remote=headers.get("To") or "",
        remote_tag=remote_tag,
        cseq=cseq,
        peer_cseq=None,
        routes=_record_route(headers)[::-1],
        target=target,
        flow=flow,
        listeners=listeners,
        nat=nat,
        digest=digest,
    )


def _record_route(headers: Headers) -> tuple[str, ...]:
    """Returns the URIs of Record-Route in order. Unreadable ones cannot be routed through and are left out."""
    addresses = [parse_name_addr(value) for value in headers.all("Record-Route")]
    return tuple([address.uri for address in addresses if address is not None and parse_uri(address.uri) is not None])
