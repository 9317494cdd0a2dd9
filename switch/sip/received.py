"""PURE. Reads what a received message says of its transaction and of the way back (RFC 3261 §17.1.3, §17.2.3, §18.2)."""

import msgspec

from switch.sip.flow import DEFAULT_PORT, Flow
from switch.sip.headers import Via, is_sips, parse_cseq, parse_name_addr, parse_via
from switch.sip.message import Request, Response

MAGIC_COOKIE = "z9hG4bK"
"""Branches that start with it are unique across space and time (RFC 3261 §8.1.1.7)."""


class ReceivedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came in. `request`: its top Via stamped with `received` and `rport`. `reply_to`: where answers go.

    `peer_key`: names the transaction together with a method. Tags are "" where there is none.
    """

    request: Request
    reply_to: Flow
    peer_key: str
    call_id: str
    from_tag: str
    to_tag: str
    cseq: int

    @property
    def key(self) -> str:
        """The server transaction this belongs to. An ACK has the INVITE's."""
        method = self.request.method
        return transaction_key(self.peer_key, "INVITE" if method == "ACK" else method)

    @property
    def cancelled_key(self) -> str:
        """The INVITE that this CANCEL names (RFC 3261 §9.2)."""
        return transaction_key(self.peer_key, "INVITE")

    @property
    def merge_id(self) -> str:
        """Equal in two requests that are one request on two paths (RFC 3261 §8.2.2.2)."""
        return f"{self.call_id} {self.from_tag} {self.cseq} {self.request.method}"

    @property
    def is_sips(self) -> bool:
        """Returns whether the Contact of an answer must be a sips URI (RFC 3261 §12.1.1)."""
        headers = self.request.headers
        shown = parse_name_addr(headers.get("Record-Route") or headers.get("Contact") or "")
        return is_sips(self.request.uri) or (shown is not None and is_sips(shown.uri))


def read_request(request: Request, source: Flow) -> ReceivedRequest | None:
    """Reads `request`, which came from `source`. Returns None when what an answer needs cannot be read."""
    headers = request.headers
    call_id = headers.get("Call-ID")
    via = parse_via(headers.get("Via") or "")
    sender = parse_name_addr(headers.get("From") or "")
    recipient = parse_name_addr(headers.get("To") or "")
    cseq = parse_cseq(headers.get("CSeq") or "")
    if call_id is None or via is None or sender is None or recipient is None or cseq is None:
        return None
    from_tag, to_tag = sender.tag or "", recipient.tag or ""
    return ReceivedRequest(
        request=_stamped(request, via, source),
        reply_to=_reply_to(via, source),
        peer_key=_peer_key(via) or _old_peer_key(request, via, call_id=call_id, from_tag=from_tag, cseq=cseq.number),
        call_id=call_id,
        from_tag=from_tag,
        to_tag=to_tag,
        cseq=cseq.number,
    )


def stamp(request: Request, source: Flow) -> tuple[Request, Flow] | None:
    """Returns `request` with its top Via stamped, and the address for answers; for requests of which little else can be read."""
    via = parse_via(request.headers.get("Via") or "")
    return None if via is None else (_stamped(request, via, source), _reply_to(via, source))


def legal(request: Request) -> Request:
    """Returns `request` with values that can be echoed in an answer (§8.2.6.2) in place of those that are missing or can't be read; for
    a request that is refused as malformed. The client finds its transaction by Via and the method in CSeq (§17.1.3)."""
    headers = request.headers
    if parse_name_addr(headers.get("From") or "") is None:
        headers = headers.replaced("From", "<sip:anonymous@anonymous.invalid>")
    if parse_name_addr(headers.get("To") or "") is None:
        to = f"<{request.uri}>"
        headers = headers.replaced("To", to if parse_name_addr(to) else "<sip:unknown@invalid>")
    if not headers.get("Call-ID"):
        headers = headers.replaced("Call-ID", "unknown")
    if parse_cseq(headers.get("CSeq") or "") is None:
        headers = headers.replaced("CSeq", f"0 {request.method}")
    return Request(method=request.method, uri=request.uri, headers=headers)


def response_key(response: Response) -> str | None:
    """Returns the key of an answer's client transaction (RFC 3261 §17.1.3), or None: not ours, we send exactly one Via (§8.1.3.3)."""
    vias = response.headers.all("Via")
    via = parse_via(vias[0]) if len(vias) == 1 else None
    cseq = parse_cseq(response.headers.get("CSeq") or "")
    if via is None or cseq is None:
        return None
    return transaction_key(_peer_key(via), cseq.method)


def transaction_key(peer_key: str, method: str) -> str:
    return f"{peer_key} {method}"


def peer_key(host: str, port: int | None, *, branch: str) -> str:
    """The key by which client and server identify a transaction, without its method: sent-by (host without brackets) and branch."""
    return f"{host.lower()} {port} {branch}"


def _peer_key(via: Via) -> str:
    """Returns "" for a branch without the magic cookie, or of nothing else: an RFC 2543 element made it, it identifies no transaction."""
    branch = via.branch or ""
    if not branch.startswith(MAGIC_COOKIE) or len(branch) == len(MAGIC_COOKIE):
        return ""
    return peer_key(via.host, via.port, branch=branch)


def _old_peer_key(request: Request, via: Via, *, call_id: str, from_tag: str, cseq: int) -> str:
    """The matching rule of RFC 2543, as §17.2.3 keeps it: Request-URI, From tag, Call-ID, CSeq number and top Via are all equal.

    The To tag is left out: the same four never name two requests of one client that differ in it only, and an ACK adds it.
    """
    return f"{request.uri} {from_tag} {call_id} {cseq} {via}"


def _stamped(request: Request, via: Via, source: Flow) -> Request:
    stamped = str(via.stamped(source.host, source.port))
    if stamped == request.headers.get("Via"):
        return request
    return Request(method=request.method, uri=request.uri, headers=request.headers.replaced("Via", stamped), body=request.body)


def _reply_to(via: Via, source: Flow) -> Flow:
    """RFC 3581 §4, else RFC 3261 §18.2.2: over TCP and TLS the connection that the request came by; over UDP the source address, and
    the port of Via. `maddr` is not followed."""
    if via.wants_rport or source.is_reliable:
        return source
    port = via.port or DEFAULT_PORT
    return source if port == source.port else source._replace(port=port)
