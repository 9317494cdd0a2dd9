"""Checks webhooks against what they need of the rest of a config: the list of hosts, what their owner may see, the tags there are."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from routing.expression import Kind
from switch.settings.finding import Finding
from switch.settings.model.document import Document
from switch.settings.model.webhook import WebhookConfig
from switch.settings.problem import quote
from switch.settings.source import KeyPath
from switch.settings.value import Invalid, nearest
from switch.webhook.hosts import allows_address, allows_name
from switch.webhook.template import names_in
from switch.webhook.terms import TOLD, Owner, OwnerKind
from switch.webhook.view import FIELDS, TAG, sees_tag

_SECTIONS = {OwnerKind.PUBLISHER: "publishers", OwnerKind.ADVERTISER: "advertisers", OwnerKind.CAMPAIGN: "campaigns"}


def webhook_findings(document: Document, kinds: Mapping[str, Kind]) -> Iterator[Finding]:
    """`kinds`: of all tags, by name."""
    hosts = None if document.switch is None else vars(document.switch).get("webhook_hosts", ())
    passed = passed_tags(document)
    for owner, path, webhook in webhooks_of(document):
        if hosts is not None and webhook.url is not None:
            yield from _host(webhook.url, (*path, "url"), tuple(hosts or ()))
        for index, event in enumerate(webhook.events or ()):
            if event not in TOLD[owner.kind]:
                message = f"{_one(owner.kind)} is not told of {event}"
                yield Finding((*path, "events", index), Invalid(message, expected=", ".join(sorted(TOLD[owner.kind]))))
        for key in ("query", "body"):
            for name, template in (getattr(webhook, key) or {}).items():
                for field, column in names_in(template):
                    if error := _unseen(owner.kind, field, kinds, passed, column):
                        yield Finding((*path, key, name), error)


def webhooks_of(document: Document) -> Iterator[tuple[Owner, KeyPath, WebhookConfig]]:
    """(owner, path, webhook) of each."""
    for kind, section in _SECTIONS.items():
        for name, entry in (getattr(document, section) or {}).items():
            for each, webhook in (entry.webhooks or {}).items():
                yield Owner(kind=kind, name=name), (section, name, "webhooks", each), webhook


def passed_tags(document: Document) -> frozenset[str]:
    """The tags that publishers pass, by a header or with a number."""
    headers = {name for name, tag in (document.tags or {}).items() if tag.header}
    return frozenset(headers.union(*(number.tags or {} for number in (document.numbers or {}).values())))


def _host(url: str, path: KeyPath, hosts: tuple[str, ...]) -> Iterator[Finding]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if not (allows_name(host, hosts) if address is None else allows_address(address, hosts, listed=True)):
        hint = nearest(host, hosts) or f"add it: `switch.webhook_hosts: [{host}]`"
        yield Finding(path, Invalid(f"host {quote(host)} is not one of switch.webhook_hosts", hint=hint))
    elif parts.scheme == "http" and address is None:
        yield Finding(path, Invalid("without TLS", expected="https", hint="http goes to an address of switch.webhook_hosts alone"))


def _unseen(kind: OwnerKind, field: str, kinds: Mapping[str, Kind], passed: frozenset[str], column: int) -> Invalid | None:
    """Returns what is wrong with a field of a template; None: nothing is."""
    tag = field.removeprefix(TAG)
    if tag != field:
        if tag not in kinds:
            return Invalid(f"unknown tag {quote(tag)}", hint=nearest(tag, kinds), at=column)
        return None if sees_tag(kind, tag, passed) else Invalid(f"{_one(kind)} may not see the tag {quote(tag)}", at=column)
    if field in FIELDS[kind]:
        return None
    known = FIELDS[kind]
    if any(field in fields for fields in FIELDS.values()):
        return Invalid(f"{_one(kind)} may not see {quote(field)}", expected=", ".join(sorted(known)), at=column)
    hint = nearest(field, known) or (f"did you mean {quote(TAG + field)}?" if field in kinds else None)
    return Invalid(f"unknown field {quote(field)}", expected=", ".join(sorted(known)), hint=hint, at=column)


def _one(kind: OwnerKind) -> str:
    return f"an {kind}" if kind is OwnerKind.ADVERTISER else f"a {kind}"
