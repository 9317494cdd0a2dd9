"""PURE. Says in words why an INVITE of ours came to nothing, for people who read of the call. Causes and statuses are elsewhere."""

import re

from switch.sip.headers import parse_name_addr, parse_uri
from switch.sip.message import Request, Response
from switch.sip.requests import credentials_of, usable_target

MAX_WORDS = 200
"""Characters of a reason: parts of it are the peer's."""
_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')


def refusal_words(response: Response, request: Request, *, has_credentials: bool, hosts: tuple[str, ...]) -> str:
    """Returns why `response` ended the INVITE `request`, "" where its status says all. `has_credentials`: config has some for the peer.
    `hosts`: those that a 3xx may lead to."""
    status = response.status
    if status < 400:
        return _redirect_words(response, hosts)[:MAX_WORDS]
    if status in (401, 407):
        return "it refuses our credentials" if has_credentials else "it asks for credentials, and config has none for it"
    if status == 403 and credentials_of(request):
        return "it refuses the call with our credentials"
    told = _WARNING.search(response.headers.get("Warning") or "")
    return "" if told is None else f"it warns: {told[1]}"[:MAX_WORDS]


def unusable_words(response: Response, *, has_contact: bool) -> str:
    """Returns why a 2xx makes no dialog (RFC 3261 §12.1.2)."""
    return f"its {response.status} has no To tag" if has_contact else f"its {response.status} has no Contact that can be used"


def _redirect_words(response: Response, hosts: tuple[str, ...]) -> str:
    its = f"its {response.status}"
    contact = parse_name_addr(response.headers.get("Contact") or "")
    uri = None if contact is None else usable_target(contact.uri)
    parsed = None if uri is None else parse_uri(uri)
    if parsed is None:
        return f"{its} names no URI that can be called"
    if parsed.host.lower() not in hosts:
        return f"{its} leads to {parsed.host}, which is not the host of a line of this advertiser"
    return f"{its} leads to {parsed.host} once too often, or to where nobody can be reached"
