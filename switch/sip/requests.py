"""PURE. Reads received requests and builds the fields of the requests and responses that follow them (RFC 3261 §8, §17, §18)."""

import msgspec

from switch.sip.body import OFFERING, SDP_TYPE, sdp_of
from switch.sip.flow import DEFAULT_PORT, Flow, Listeners
from switch.sip.headers import (
    SipUri,
    Via,
    has_param,
    is_sip_uri,
    param,
    parse_cseq,
    parse_name_addr,
    parse_params,
    parse_reason_q850,
    parse_uint,
    parse_uri,
    parse_via,
)
from switch.sip.message import Headers, Request, Response

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
    return Request(method=request.method, uri=request.uri, headers=request.headers.replaced("Via", stamped), body=request.body)


def _reply_to(via: Via, source: Flow) -> Flow:
    """RFC 3581 §4, else RFC 3261 §18.2.2: over TCP and TLS the connection that the request came by; over UDP the source address, and
    the port of Via. `maddr` is not followed."""
    if via.wants_rport or source.is_reliable:
        return source
    return source._replace(port=via.port or DEFAULT_PORT)


Field = tuple[str, str]
Fields = tuple[Field, ...]

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO")
"""The methods we support."""
KNOWN_METHODS = frozenset({*METHODS, "MESSAGE", "NOTIFY", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE"})
"""Methods that are defined: those we do not support get 405, any other 501 (§8.2.1, §21.5.2)."""
SCHEMES = frozenset({"sip", "sips", "tel"})
"""Of a Request-URI; any other gets 416 (§8.2.2.1)."""
ALLOW: Field = ("Allow", ", ".join(METHODS))
ACCEPT: Field = ("Accept", f"{SDP_TYPE}, multipart/mixed")
ACCEPT_ENCODING: Field = ("Accept-Encoding", "identity")
EXTENSIONS = ("100rel", "timer")
"""What is required of us that is not here gets 420 (RFC 3262, RFC 4028)."""
SUPPORTED: Field = ("Supported", ", ".join(EXTENSIONS))
CAPABILITIES: Fields = (ALLOW, ACCEPT, SUPPORTED)
"""The headers of an answer to OPTIONS (§11.2)."""
SDP: Field = ("Content-Type", SDP_TYPE)
_SDP_RANGES = frozenset({SDP_TYPE, "application/*", "*/*", "*"})
"""What an Accept that allows SDP says; the last is none of the RFC's, but is sent."""
DEFAULT_MAX_FORWARDS = 70
"""RFC 3261 §8.1.1.6."""
MAX_RSEQ = 2**32 - 1
MAX_FORWARDS: Field = ("Max-Forwards", str(DEFAULT_MAX_FORWARDS))

_ECHOED = frozenset({"Via", "Record-Route", "From", "Call-ID", "CSeq", "Timestamp"})
"""Copied from a request into each of its answers (RFC 3261 §8.2.6.2, §12.1.1, §8.2.6.1)."""
_ACK_KEEPS = frozenset({"From", "Call-ID", "Route"})
_CREDENTIALS = frozenset({"Authorization", "Proxy-Authorization"})
_OF_ONE_TRY = _CREDENTIALS | {"Via", "CSeq"}
_REASONS = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    469: "Bad Info Package",
    422: "Session Interval Too Small",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    600: "Busy Everywhere",
    603: "Decline",
}
_REASON_CLASSES = {1: "Progress", 2: "OK", 3: "Redirected", 4: "Request Failed", 5: "Server Failure", 6: "Global Failure"}


def answer(request: Request, status: int, *, tag: str, listeners: Listeners, extra: Fields = (), body: bytes = b"") -> Response:
    """An answer to `request`, whose Via is stamped already. `tag` goes into a To that has none; "" leaves it so (100)."""
    fields: list[Field] = []
    for field in request.headers:
        name = field[0]
        if name in _ECHOED:
            fields.append(field)
        elif name == "To":
            fields.append(_tagged(field, tag) if tag else field)
    fields.append(("Server", listeners.user_agent))
    fields.extend(extra)
    if body:
        fields.append(SDP)
    reason = _REASONS.get(status) or _REASON_CLASSES[status // 100]
    return Response(status=status, reason=reason, headers=Headers(fields), body=body)


def _tagged(to: Field, tag: str) -> Field:
    name, value = to
    address = parse_name_addr(value)
    return to if address is None or address.tag is not None else (name, f"{value};tag={tag}")


def again(request: Request, *, via: Field, cseq: int, credentials: Fields, uri: str | None = None) -> Request:
    """`request` as a new one in the same series (RFC 3261 §8.1.3.4, §22.2): another Via, CSeq and credentials, and where it was redirected
    another Request-URI."""
    rest = [field for field in request.headers if field[0] not in _OF_ONE_TRY]
    fields = (via, *rest, ("CSeq", f"{cseq} {request.method}"), *credentials)
    return Request(method=request.method, uri=uri or request.uri, headers=Headers(fields), body=request.body)


def credentials_of(request: Request) -> Fields:
    """The credentials in a request: the ACK to its 2xx carries the same (§22.1)."""
    return tuple([field for field in request.headers if field[0] in _CREDENTIALS])


def ack_to_failure(request: Request, response: Response) -> Request:
    """The ACK to a 300-699 answer (RFC 3261 §17.1.1.3): part of the INVITE's transaction, so its Via, but the answer's To."""
    headers = request.headers
    fields = [("Via", headers.get("Via") or ""), MAX_FORWARDS]
    fields += [field for field in headers if field[0] in _ACK_KEEPS]
    fields += [("To", response.headers.get("To") or ""), ("CSeq", _cseq_of(request, "ACK"))]
    return Request(method="ACK", uri=request.uri, headers=Headers(fields))


def cancel_of(request: Request, *, extra: Fields) -> Request:
    """The CANCEL of an INVITE we sent (RFC 3261 §9.1): the same but for the method, and no body."""
    headers = request.headers
    fields = [("Via", headers.get("Via") or ""), MAX_FORWARDS]
    fields += [field for field in headers if field[0] in _ACK_KEEPS or field[0] == "To"]
    fields += [("CSeq", _cseq_of(request, "CANCEL")), *extra]
    return Request(method="CANCEL", uri=request.uri, headers=Headers(fields))


def _cseq_of(request: Request, method: str) -> str:
    number = (request.headers.get("CSeq") or "").partition(" ")[0]
    return f"{number} {method}"


def reason_q850(q850: int | None) -> Fields:
    """The Reason header of a hang-up (RFC 3326); no field for None. A line that lost to another one is told so in SIP's words too, so that
    a phone does not count a missed call (§3.1)."""
    if q850 is None:
        return ()
    elsewhere: Fields = (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),) if q850 == NON_SELECTED else ()
    return (*elsewhere, ("Reason", f"Q.850;cause={q850}"))


NON_SELECTED = 26
"""Q.850: non-selected user clearing."""


def retry_after(seconds: int | None) -> Fields:
    return () if seconds is None else (("Retry-After", str(seconds)),)


Rejection = tuple[int, Fields]
"""A status and the headers that go with it."""


def rejection_of(request: Request) -> Rejection | None:
    """Returns the status and headers that refuse a request in a dialog for what it asks for, or None: method (§8.2.1), required
    extensions (§8.2.2.3), body (§8.2.3) and accepted bodies (§21.4.7). The headers list what we support.

    A BYE is refused for none of these: what it says is plain, and who refuses it keeps a call that the peer has left. Proxy-Require is
    ignored: we are no proxy.
    """
    if request.method == "BYE":
        return None
    return _method_rejection(request) or _content_rejection(request)


def rejection_outside_dialogs(request: Request) -> Rejection | None:
    """As `rejection_of`, for a request outside of dialogs, whose Request-URI counts (§8.2.2.1)."""
    scheme = request.uri.partition(":")[0].lower()
    if scheme in ("sip", "sips") and not is_sip_uri(request.uri):
        return 400, ()
    wrong_scheme = None if scheme in SCHEMES else (416, ())
    return _method_rejection(request) or wrong_scheme or _content_rejection(request)


def _method_rejection(request: Request) -> Rejection | None:
    if request.method in METHODS:
        return None
    return (405 if request.method in KNOWN_METHODS else 501), (ALLOW,)


def _content_rejection(request: Request) -> Rejection | None:
    required = request.headers.all("Require")
    unsupported = [option for option in required if option.lower() not in EXTENSIONS] if required else ()
    if unsupported:
        return 420, tuple(("Unsupported", option) for option in unsupported)
    if request.method not in OFFERING:
        return None
    if request.body:
        rejection = body_rejection(request)
        if rejection is not None:
            return rejection
    accepted = request.headers.all("Accept")
    return (406, ()) if accepted and not any(_accepts_sdp(value) for value in accepted) else None


def body_rejection(request: Request) -> Rejection | None:
    """Returns how a body without SDP that can be read is refused, or None: for its encoding or its type (§21.4.13)."""
    headers = request.headers
    if sdp_of(headers, request.body) is not None:
        return None
    encoded = any(value.strip().lower() != "identity" for value in headers.all("Content-Encoding"))
    return 415, (ACCEPT_ENCODING if encoded else ACCEPT,)


def _params_text(value: str) -> str:
    _, semicolon, rest = value.partition(";")
    return semicolon + rest


def media_type(value: str) -> str:
    """Returns the type and subtype of a Content-Type or Accept value in lower case, without parameters and blanks."""
    return "".join(value.partition(";")[0].split()).lower()


def _accepts_sdp(value: str) -> bool:
    """Returns whether one value of Accept allows SDP in answers. `q=0` refuses it (RFC 2616 §3.9)."""
    params = parse_params(_params_text(value))
    quality = (param(params or (), "q") or "1").strip()
    return media_type(value) in _SDP_RANGES and quality.strip("0.") != ""


def names_option(headers: Headers, name: str, option: str) -> bool:
    """Returns whether `option` is among the values of `name`: a tag of Supported or Require, a method of Allow."""
    option = option.lower()
    return any(value.strip().lower() == option for value in headers.all(name))


def rseq_of(response: Response) -> int:
    """Returns the RSeq of a reliable provisional answer (RFC 3262 §7.1), or 0: it is none."""
    if not names_option(response.headers, "Require", "100rel"):
        return 0
    return parse_uint((response.headers.get("RSeq") or "").strip(), MAX_RSEQ) or 0


def contact_of(headers: Headers) -> str | None:
    """Returns the remote target in a Contact header, fit for a Request-URI, or None: no Contact, or none we could call."""
    contact = parse_name_addr(headers.get("Contact") or "")
    return None if contact is None else usable_target(contact.uri)


def usable_target(text: str) -> str | None:
    """`text` without what a Request-URI must not have (§19.1.1: headers, `method`). None: no sip or sips URI. One whose escapes stand for
    what we do not read is used as it is."""
    uri = parse_uri(text)
    if uri is None:
        return text if is_sip_uri(text) and "?" not in text else None
    if not uri.headers and not has_param(uri.params, "method"):
        return text.removesuffix("?")
    params = tuple(pair for pair in uri.params if pair[0] != "method")
    return str(SipUri(scheme=uri.scheme, user=uri.user, host=uri.host, port=uri.port, params=params))


def q850_of(headers: Headers) -> int | None:
    """Returns the Q.850 cause in a message (RFC 3326), or None."""
    for value in headers.all("Reason"):
        cause = parse_reason_q850(value)
        if cause is not None:
            return cause
    return None
