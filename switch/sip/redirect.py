"""PURE. Reads where a 3xx answer sends a call (RFC 3261 §8.1.3.4, §21.3)."""

from collections.abc import Iterator

from switch.sip.headers import param, parse_name_addr, parse_uri
from switch.sip.message import Response
from switch.sip.requests import usable_target

MAX_CONTACTS = 10
"""Of one 3xx; further ones are not looked at."""


def redirect_targets(response: Response, *, hosts: tuple[str, ...]) -> Iterator[str]:
    """Yields the URIs of a 3xx, the best first (`q`, RFC 3261 §20.10), that lead to one of `hosts`."""
    contacts = [each for value in response.headers.all("Contact")[:MAX_CONTACTS] if (each := parse_name_addr(value))]
    for contact in sorted(contacts, key=lambda each: param(each.params, "q") or "1", reverse=True):
        uri = usable_target(contact.uri)
        parsed = None if uri is None else parse_uri(uri)
        if uri is not None and parsed is not None and parsed.host.lower() in hosts:
            yield uri
