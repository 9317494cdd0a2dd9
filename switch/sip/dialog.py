"""PURE. Keeps a dialog's state (RFC 3261 §12) and builds the requests inside it: identifiers, sequence numbers, route set, remote target.

Sessions, transactions and answers are elsewhere. Names in URIs are not resolved here: where the next hop is no IP literal, requests
go to the address the dialog was set up with.
"""

import re

from switch.sip.headers import SipUri, has_param, parse_name_addr, parse_uri
from switch.sip.message import Address, Headers, Request, Response
from switch.sip.requests import DEFAULT_PORT, MAX_FORWARDS, Field, Fields, ReceivedRequest

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


class Dialog:
    """One side of a dialog. `local`, `remote`: From and To of our requests, tags included, as text.

    `next_hop`: where our requests go. `peer_cseq`: the highest CSeq seen from the peer, None before the first.
    """

    __slots__ = (
        "_fallback",
        "_request_uri",
        "_route",
        "_routes",
        "call_id",
        "cseq",
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
        fallback: Address,
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.remote_tag = remote_tag
        self.cseq = cseq
        self.peer_cseq = peer_cseq
        self._routes = routes
        self._fallback = fallback
        self.next_hop = fallback
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
        self._route = tuple(("Route", f"<{hop}>") for hop in hops)
        self.next_hop = _address_of(first or parse_uri(target)) or self._fallback

    def accepts(self, cseq: int) -> bool:
        """Records the CSeq of a request from the peer. False: it is lower than one seen before (§12.2.2 answers 500)."""
        if self.peer_cseq is not None and cseq < self.peer_cseq:
            return False
        self.peer_cseq = cseq
        return True

    def request(self, method: str, *, via: Field, cseq: int | None = None, extra: Fields = ()) -> Request:
        """A request inside the dialog. `cseq`: an ACK has its INVITE's; others take the next number."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        fields = (
            via,
            MAX_FORWARDS,
            *self._route,
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            *extra,
        )
        return Request(method=method, uri=self._request_uri, headers=Headers(fields))


def callee_dialog(arrival: ReceivedRequest, *, tag: str, target: str) -> Dialog:
    """The dialog our 2xx to an INVITE makes (§12.1.1). `target`: see `contact_of`."""
    headers = arrival.request.headers
    return Dialog(
        call_id=arrival.call_id,
        local=f"{headers.get('To')};tag={tag}",
        remote=headers.get("From") or "",
        remote_tag=arrival.from_tag,
        cseq=0,
        peer_cseq=arrival.cseq,
        routes=_record_route(headers),
        target=target,
        fallback=arrival.reply_to,
    )


def caller_dialog(invite: Request, response: Response, *, cseq: int, target: str, remote_tag: str, address: Address) -> Dialog:
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
        fallback=address,
    )


def contact_of(headers: Headers) -> str | None:
    """Returns the remote target in a Contact header, fit for a Request-URI, or None: no Contact, or none we could call."""
    contact = parse_name_addr(headers.get("Contact") or "")
    return None if contact is None else usable_target(contact.uri)


def usable_target(text: str) -> str | None:
    """`text` without what a Request-URI must not have (§19.1.1: headers, `method`). None: no sip or sips URI."""
    uri = parse_uri(text)
    if uri is None:
        return None
    if not uri.headers and not has_param(uri.params, "method"):
        return text.removesuffix("?")
    params = tuple(pair for pair in uri.params if pair[0] != "method")
    return str(SipUri(scheme=uri.scheme, user=uri.user, host=uri.host, port=uri.port, params=params))


def _record_route(headers: Headers) -> tuple[str, ...]:
    """Returns the URIs of Record-Route in order. Unreadable ones cannot be routed through and are left out."""
    addresses = [parse_name_addr(value) for value in headers.all("Record-Route")]
    return tuple(address.uri for address in addresses if address is not None and parse_uri(address.uri) is not None)


def _address_of(uri: SipUri | None) -> Address | None:
    """Returns None for a name, which only DNS could resolve, and for IPv6, which our IPv4 socket can't reach."""
    if uri is None or not _IPV4.fullmatch(uri.host):
        return None
    return uri.host, uri.port or DEFAULT_PORT
