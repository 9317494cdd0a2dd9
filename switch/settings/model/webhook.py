"""Defines the models of webhooks: where events of calls are told, and how."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import ValidationInfo, field_validator

from switch.settings import field
from switch.settings.model.base import Entries, Items, Strict, may, must, section
from switch.settings.problem import quote
from switch.settings.value import Invalid, raise_all
from switch.sip.digest import Secret
from switch.webhook.template import BadTemplate, names_in
from switch.webhook.terms import Method, WebhookEvent

MAX_URL = 2_000
MAX_TEMPLATE = 1_000
HTTP_URL = "an https URL such as https://hooks.example.com/calls"
_OURS = re.compile(r"host|content-.*|transfer-encoding|connection|idempotency-key|payphone-.*|user-agent", re.IGNORECASE)

_SECRET_HEADER = re.compile(r"auth|token|key|secret|cookie|password", re.IGNORECASE)
"""Headers that say who we are: what the ledger keeps of a config would show their values."""


def _url(text: str) -> str:
    """An absolute URL without a user, a fragment or templates: what changes from call to call stands under `query`."""
    if "{" in text:
        raise Invalid(f"a template in the URL {quote(text)}", expected=HTTP_URL, hint="write it under `query: {NAME: TEMPLATE}`")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"bad URL {quote(text)}", expected=HTTP_URL) from error
    if parts.scheme not in ("https", "http") or not host or not text.isascii() or not text.isprintable() or " " in text:
        raise Invalid(f"bad URL {quote(text)}", expected=HTTP_URL)
    if "@" in parts.netloc:
        raise Invalid("a user or password in the URL", expected=HTTP_URL, hint="write a header: {Authorization: {env: NAME}}")
    if parts.fragment or len(text) > MAX_URL:
        raise Invalid("a fragment in the URL" if parts.fragment else f"a URL of {len(text)} characters", expected=HTTP_URL)
    return text


def _template(text: str) -> str:
    if len(text) > MAX_TEMPLATE:
        raise Invalid(f"a template of {len(text)} characters", expected=f"at most {MAX_TEMPLATE}")
    try:
        list(names_in(text))
    except BadTemplate as bad:
        raise Invalid(str(bad), expected="{FIELD} or {tag.NAME}; {{ and }} are braces", at=bad.at) from bad
    return text


Url = Annotated[str, field.scalar(_url, HTTP_URL), field.text_schema("^https?://")]
Template = Annotated[str, field.scalar(_template, "a text with {FIELD} or {tag.NAME} in it"), field.text_schema()]
Event = Annotated[WebhookEvent, field.choice("event", WebhookEvent)]
HttpMethod = Annotated[Method, field.choice("method", Method)]


class WebhookConfig(Strict):
    """Somebody who is told of what happens to calls, by HTTP. A pixel is one with `method: GET` and a `query`."""

    url: Url = must("Where it is told; its host is one of switch.webhook_hosts")
    events: Annotated[Items[Event], field.some("a webhook without events", ", ".join(WebhookEvent))] = must(
        f"What it is told of: {', '.join(WebhookEvent)}"
    )
    method: HttpMethod = may("POST, with a JSON body; or GET, with a query alone", default="POST")
    query: Entries[str, Template] = section("Keys of the query string, each a text with {FIELD} or {tag.NAME} in it")
    body: Entries[str, Template] = section("Keys of the JSON body, as in `query`; default: all that its owner may see")
    secret: field.SecretText | None = may(
        "What requests are signed with, by HMAC-SHA256: {env: NAME}, {file: PATH}; default: nothing"
    )
    headers: Entries[field.HeaderName, field.SecretText] = section("Further headers; a secret one is {env: NAME} or {file: PATH}")

    @field_validator("events")
    @classmethod
    def _once_each(cls, events: list[WebhookEvent]) -> list[WebhookEvent]:
        raise_all(
            Invalid(f"{event} is here twice", hint="keep one of them", where=("events", index))
            for index, event in enumerate(events)
            if event in events[:index]
        )
        return events

    @field_validator("body")
    @classmethod
    def _has_a_body(cls, body: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if body and info.data.get("method") is Method.GET:
            raise Invalid("GET has no body", hint="write it under `query`, or `method: POST`", at_key=True)
        return body

    @field_validator("headers", mode="before")
    @classmethod
    def _not_in_plain_sight(cls, headers: object) -> object:
        raise_all(
            Invalid("a secret in plain sight", hint="write {env: NAME} or {file: PATH}", where=("headers", name))
            for name, value in (headers.items() if isinstance(headers, dict) else ())
            if isinstance(value, str) and _SECRET_HEADER.search(name)
        )
        return headers

    @field_validator("headers")
    @classmethod
    def _not_ours(cls, headers: dict[str, Secret]) -> dict[str, Secret]:
        raise_all(
            Invalid(f"{name} is written by the switch", hint="leave it out", at_key=True, where=("headers", name))
            for name in headers
            if _OURS.fullmatch(name)
        )
        return headers
