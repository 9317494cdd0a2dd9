"""PURE. Builds the requests and answers that follow a message, and reads header fields that decide what follows (RFC 3261 §8, §12)."""

from switch.sip.body import SDP_TYPE
from switch.sip.flow import Listeners
from switch.sip.headers import (
    SipUri,
    has_param,
    is_sip_uri,
    parse_name_addr,
    parse_reason_q850,
    parse_uint,
    parse_uri,
)
from switch.sip.message import Headers, Request, Response

Field = tuple[str, str]
Fields = tuple[Field, ...]

SDP: Field = ("Content-Type", SDP_TYPE)
DEFAULT_MAX_FORWARDS = 70
"""RFC 3261 §8.1.1.6."""
MAX_RSEQ = 2**32 - 1
MAX_FORWARDS: Field = ("Max-Forwards", str(DEFAULT_MAX_FORWARDS))

_ECHOED = frozenset({"Via", "Record-Route", "From", "To", "Call-ID", "CSeq", "Timestamp"})
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
    202: "Accepted",
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
    fields = [_tagged(field, tag) if tag and field[0] == "To" else field for field in request.headers if field[0] in _ECHOED]
    fields.append(("Server", listeners.user_agent))
    fields.extend(extra)
    if body:
        fields.append(SDP)
    return Response(status=status, reason=reason_of(status), headers=Headers(fields), body=body)


def reason_of(status: int) -> str:
    """Returns the reason phrase of a status (100-699)."""
    return _REASONS.get(status) or _REASON_CLASSES[status // 100]


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
