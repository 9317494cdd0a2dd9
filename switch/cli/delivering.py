"""What `payphone webhooks` does: what was told to whom, what is to be told again, and a request to try."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import typer

from routing.zone import time_zone
from switch.cli.common import count, deployed, fail, from_ledger, place_of, url_of
from switch.cli.posting import actor_of, confirm
from switch.console import local
from switch.deployment import Deployment
from switch.engine.clock import SystemClock
from switch.ledger.database import Database
from switch.ledger.deliveries import Attempt, DeliveryState, DeliveryStore, KeptDelivery
from switch.output import Column, Table, write_folded, write_json, write_line, write_lines
from switch.settings.problem import quote
from switch.settings.value import nearest
from switch.webhook.happenings import delivery_id
from switch.webhook.request import WebhookRequest, request_of
from switch.webhook.sample import sample
from switch.webhook.terms import ORDER, TOLD, Webhook, WebhookEvent

MAX_AGAIN = 100_000
NOTHING = "-"


def show_status(config: Path, *, as_json_lines: bool) -> None:
    """Webhooks of the config, and those that the ledger knows of an older one."""
    webhooks = {each.key: each for each in _deployment(config).webhooks.all}
    counted = from_ledger(_store(config).counted)
    table = Table([Column("webhook", key=True), Column("events"), *(Column(state.value, right=True) for state in DeliveryState)])
    for key in sorted({*webhooks, *(key for key, _ in counted)}):
        webhook = webhooks.get(key)
        counts = {state.value: counted.get((key, state), 0) for state in DeliveryState}
        events = None if webhook is None else sorted(webhook.events, key=ORDER.__getitem__)
        if as_json_lines:
            write_json({"webhook": key, "url": webhook and webhook.url, "events": events, **counts})
        else:
            table.add_row(key, ", ".join(events) if events is not None else "(not in the config)", *map(str, counts.values()))
    if as_json_lines:
        return
    if webhooks or counted:
        table.show()
    else:
        write_line("no webhooks: a publisher, an advertiser or a campaign may have `webhooks:`", err=True)


def show_deliveries(
    config: Path, *, state: str | None, webhook: str | None, call: str | None, limit: int, as_json_lines: bool
) -> None:
    clock = time_zone(place_of(config).zone)
    key = None if webhook is None else _key_of(config, webhook)
    wanted = None if state is None else DeliveryState(state)
    found = from_ledger(lambda: _store(config).listed(state=wanted, webhook=key, call=call, limit=limit))
    if as_json_lines:
        for each in found:
            write_json(_as_json(each))
        return
    if not found:
        write_line("no deliveries: none is kept that all filters let pass", err=True)
        return
    headings = [Column("number", right=True, key=True), *map(Column, ("happened", "event", "call", "webhook", "state"))]
    table = Table([*headings, Column("tries", right=True), Column("next"), Column("why")])
    for each in found:
        due = local(each.due_us, clock) if each.state is DeliveryState.WAITING else NOTHING
        happened = local(each.at_us, clock)
        table.add_row(
            str(each.number),
            happened,
            each.event,
            each.call_id[:12],
            each.webhook,
            each.state,
            str(each.tries),
            due,
            each.why or NOTHING,
        )
    table.show()


def send_again(config: Path, *, numbers: Sequence[int], dead: bool, webhook: str | None, actor: str | None, yes: bool) -> None:
    """The deliver process sees it within a second, or once it runs."""
    if bool(numbers) == dead:
        fail("say which: numbers, as `payphone webhooks list` shows them, or --dead")
    store, who = _store(config), actor_of(actor)
    key = None if webhook is None else _key_of(config, webhook)
    state = DeliveryState.DEAD if dead else None
    found = from_ledger(lambda: store.listed(state=state, webhook=key, numbers=numbers, limit=MAX_AGAIN))
    if missing := set(numbers) - {each.number for each in found}:
        fail(f"no delivery {', '.join(map(str, sorted(missing)))}: `payphone webhooks list` shows them")
    if not found:
        write_folded(["no delivery was given up"])
        return
    names = ", ".join(sorted({each.webhook for each in found}))
    confirm(f"send {count(len(found), 'delivery').replace('deliverys', 'deliveries')} again, to {names}?", yes=yes)
    now_us = SystemClock().now().utc_us
    asked = Attempt(delivery=0, at_us=now_us, state=DeliveryState.WAITING, tries=0, since_us=now_us, next_us=now_us, actor=who)
    attempts = [replace(asked, delivery=each.number, why=each.why) for each in reversed(found)]
    from_ledger(lambda: store.record(attempts))
    write_folded([f"{len(found)} to be sent again"])


def send_sample(config: Path, name: str, *, event: str | None, dry_run: bool) -> None:
    deployment = _deployment(config)
    webhook = _webhook(deployment, name)
    wanted = _event(webhook, event)
    now_us = SystemClock().now().utc_us
    call_id = f"test{token_hex(6)}"
    seen = sample(
        webhook, wanted, call_id=call_id, now_us=now_us, passed=deployment.webhooks.passed, currency=deployment.switch.currency
    )
    request = request_of(webhook, {**seen, "id": delivery_id(call_id)}, now_us=now_us)
    write_lines(_shown(webhook, request))
    if dry_run:
        return
    from switch.deliver.sender import Sender

    async def send() -> int:
        async with Sender(lambda: deployment.webhooks.hosts) as sender:
            answer = await sender.send(request)
        write_folded(["", f"{answer.status or 'no answer'}, {answer.took_ms} ms: {answer.why or 'taken'}"])
        return 0 if answer.is_taken else 1

    raise typer.Exit(asyncio.run(send()))


def _shown(webhook: Webhook, request: WebhookRequest) -> Sequence[str]:
    """The request; values of headers that the config adds may be secrets."""
    lines = [f"{request.method} {request.url}"]
    lines += [f"{name}: {'(as configured)' if name in webhook.headers else value}" for name, value in request.headers.items()]
    return [*lines, "", request.body.decode()] if request.body else lines


def _event(webhook: Webhook, event: str | None) -> WebhookEvent:
    told = sorted(TOLD[webhook.owner.kind], key=ORDER.__getitem__)
    if event is None:
        return min(webhook.events, key=ORDER.__getitem__)
    if event not in told:
        fail(f"{webhook.key} is told of no {quote(event)}: {', '.join(told)}")
    return WebhookEvent(event)


def _deployment(config: Path) -> Deployment:
    return deployed(config)[0]


def _store(config: Path) -> DeliveryStore:
    return DeliveryStore(Database(url_of(place_of(config), config=config)))


def _webhook(deployment: Deployment, name: str) -> Webhook:
    found = [each for each in deployment.webhooks.all if name in (each.key, each.name)]
    if len(found) > 1:
        fail(f"several webhooks are called {quote(name)}: {', '.join(each.key for each in found)}")
    if not found:
        known = [each.key for each in deployment.webhooks.all]
        hint = nearest(name, [*known, *(each.name for each in deployment.webhooks.all)])
        fail(f"no webhook {quote(name)}: {hint or ', '.join(known) or 'the config has none'}")
    return found[0]


def _key_of(config: Path, name: str) -> str:
    """A whole name may be of a webhook that the config has no more."""
    return name if "/" in name else _webhook(_deployment(config), name).key


def _as_json(each: KeptDelivery) -> dict[str, object]:
    return {
        "number": each.number,
        "id": delivery_id(each.key),
        "webhook": each.webhook,
        "event": each.event.value,
        "call_id": each.call_id,
        "at_us": each.at_us,
        "state": each.state.value,
        "tries": each.tries,
        "next_us": each.due_us if each.state is DeliveryState.WAITING else None,
        "last_us": each.last_us,
        "status": each.status,
        "why": each.why,
        "seen": dict(each.seen),
    }
