"""Defines a webhook: whose it is, which events it is told of, and the request that tells them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from switch.sip.digest import Secret


class WebhookEvent(StrEnum):
    """What a webhook can be told of, in the order in which it happens to a call."""

    CALL_STARTED = "call.started"
    MENU_DONE = "menu.done"
    CONNECTED = "connected"
    CONVERTED = "converted"
    PAYOUT = "payout"
    ENDED = "ended"
    RECORDING_READY = "recording.ready"


ORDER: Mapping[WebhookEvent, int] = {event: place for place, event in enumerate(WebhookEvent)}


class OwnerKind(StrEnum):
    """Whose webhook it is. A campaign's is the operator's own."""

    PUBLISHER = "publisher"
    ADVERTISER = "advertiser"
    CAMPAIGN = "campaign"


TOLD: Mapping[OwnerKind, frozenset[WebhookEvent]] = {
    OwnerKind.PUBLISHER: frozenset(WebhookEvent),
    OwnerKind.ADVERTISER: frozenset(WebhookEvent) - {WebhookEvent.PAYOUT},
    OwnerKind.CAMPAIGN: frozenset(WebhookEvent),
}
"""The events that each kind of owner may be told of."""


class Method(StrEnum):
    GET = "GET"
    POST = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    kind: OwnerKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`query`, `body`: templates by key (`switch.webhook.template`); `body` empty: a POST has all that the owner may see. `secret`: what
    requests are signed with; None: they are not."""

    owner: Owner
    name: str
    url: str
    events: frozenset[WebhookEvent]
    method: Method = Method.POST
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)
    secret: Secret | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its name among all webhooks: no part has a slash in it."""
        return f"{self.owner.kind}/{self.owner.name}/{self.name}"

    @property
    def host(self) -> str:
        """Host and port of the URL: receivers share places by it."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """All of a config. `hosts`: names that URLs may have, and addresses and networks that may be sent to although they are private.
    `passed`: the tags that publishers pass, by a header or with a number."""

    all: tuple[Webhook, ...] = ()
    hosts: tuple[str, ...] = ()
    passed: frozenset[str] = frozenset()
