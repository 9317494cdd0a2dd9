"""Writes the request of a delivery: URL, headers, body, and the signature by which the receiver knows that it is ours and how old it is."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlencode

from switch.webhook.template import text_of, value_of
from switch.webhook.terms import Method, Webhook
from switch.webhook.view import TAG, Field

US_PER_S = 1_000_000
AGENT = "Payphone"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    method: Method
    url: str
    headers: Mapping[str, str]
    body: bytes


def request_of(webhook: Webhook, seen: Mapping[str, Field], *, now_us: int) -> WebhookRequest:
    """Returns the request that tells `webhook` of what its owner has `seen`. `id` is in it: each try has the same."""
    query = urlencode({key: text_of(template, seen) for key, template in webhook.query.items()})
    mark = "&" if "?" in webhook.url else "?"
    url = f"{webhook.url}{mark}{query}" if query else webhook.url
    body = b"" if webhook.method is Method.GET else _body(webhook, seen)
    headers = {"User-Agent": AGENT, "Idempotency-Key": str(seen["id"]), "Payphone-Event": str(seen["event"])}
    if body:
        headers["Content-Type"] = "application/json"
    headers |= {name: value.reveal() for name, value in webhook.headers.items()}
    if webhook.secret is not None:
        at = str(now_us // US_PER_S)
        signed = body if body else url.partition("?")[2].encode()
        headers |= {"Payphone-Timestamp": at, "Payphone-Signature": f"v1={signature(webhook.secret.reveal(), at, signed)}"}
    return WebhookRequest(method=webhook.method, url=url, headers=headers, body=body)


def signature(secret: str, timestamp: str, signed: bytes) -> str:
    """HMAC-SHA256 in hex of the timestamp, a dot, and what is signed: the body, or the query string where there is no body."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + signed, sha256).hexdigest()


def _body(webhook: Webhook, seen: Mapping[str, Field]) -> bytes:
    """JSON: what the templates say, or all that was seen, with the tags below one key."""
    if webhook.body:
        return json.dumps({key: value_of(template, seen) for key, template in webhook.body.items()}).encode()
    fields = {name: value for name, value in seen.items() if not name.startswith(TAG)}
    tags = {name.removeprefix(TAG): value for name, value in seen.items() if name.startswith(TAG)}
    return json.dumps({**fields, "tags": tags}).encode()
