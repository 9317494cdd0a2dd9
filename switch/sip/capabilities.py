"""PURE. Says what we support, and refuses a request that asks for something else (RFC 3261 §8.2)."""

from dataclasses import dataclass

from switch.sip.body import OFFERING, SDP_TYPE, sdp_of
from switch.sip.headers import is_sip_uri, param, parse_params
from switch.sip.message import Request
from switch.sip.requests import Field, Fields

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO")
"""The methods that everybody may use. REFER is allowed to some: `WITH_TRANSFER`."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What one peer may ask of us. `request_fields`, `answer_fields`: the headers of our requests and 2xx that say so."""

    methods: tuple[str, ...] = METHODS
    extensions: tuple[str, ...] = EXTENSIONS
    request_fields: Fields = (ALLOW, SUPPORTED)
    answer_fields: Fields = CAPABILITIES


USUAL = Abilities()
_TRANSFER_ALLOW: Field = ("Allow", ", ".join((*METHODS, "REFER")))
_TRANSFER_SUPPORTED: Field = ("Supported", ", ".join((*EXTENSIONS, "norefersub")))
WITH_TRANSFER = Abilities(
    methods=(*METHODS, "REFER"),
    extensions=(*EXTENSIONS, "norefersub"),
    request_fields=(_TRANSFER_ALLOW, _TRANSFER_SUPPORTED),
    answer_fields=(_TRANSFER_ALLOW, ACCEPT, _TRANSFER_SUPPORTED),
)
"""Of a line whose REFER may be followed (RFC 3515, RFC 4488)."""
_SDP_RANGES = frozenset({SDP_TYPE, "application/*", "*/*", "*"})
"""What an Accept that allows SDP says; the last is none of the RFC's, but is sent."""

Rejection = tuple[int, Fields]
"""A status and the headers that go with it."""


def rejection_of(request: Request, abilities: Abilities = USUAL) -> Rejection | None:
    """Returns the status and headers that refuse a request in a dialog for what it asks for, or None: method (§8.2.1), required
    extensions (§8.2.2.3), body (§8.2.3) and accepted bodies (§21.4.7). The headers list what we support.

    A BYE is refused for none of these: what it says is plain, and who refuses it keeps a call that the peer has left. A REFER that the
    peer may not send gets 403: it is policy, and the call goes on. Proxy-Require is ignored: we are no proxy.
    """
    if request.method == "BYE":
        return None
    if request.method == "REFER" and "REFER" not in abilities.methods:
        return 403, (abilities.request_fields[0],)
    return _method_rejection(request, abilities) or _content_rejection(request, abilities)


def rejection_outside_dialogs(request: Request) -> Rejection | None:
    """As `rejection_of`, for a request outside of dialogs, whose Request-URI counts (§8.2.2.1)."""
    scheme = request.uri.partition(":")[0].lower()
    if scheme in ("sip", "sips") and not is_sip_uri(request.uri):
        return 400, ()
    wrong_scheme = None if scheme in SCHEMES else (416, ())
    return _method_rejection(request, USUAL) or wrong_scheme or _content_rejection(request, USUAL)


def _method_rejection(request: Request, abilities: Abilities) -> Rejection | None:
    if request.method in abilities.methods:
        return None
    return (405 if request.method in KNOWN_METHODS else 501), (abilities.request_fields[0],)


def _content_rejection(request: Request, abilities: Abilities) -> Rejection | None:
    required = request.headers.all("Require")
    unsupported = [option for option in required if option.lower() not in abilities.extensions] if required else ()
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
