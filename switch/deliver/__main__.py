"""`python -m switch.deliver`: the deliver process, started by the switch where a webhook is configured."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

from switch.companion import CompanionPlace, now_us, run_companion
from switch.config_watch import Fingerprint, fingerprint
from switch.deliver.sender import Sender
from switch.deliver.service import Deliverer
from switch.ledger.database import Database, ledger_url
from switch.ledger.deliveries import DeliveryStore
from switch.settings.load import load
from switch.webhook.terms import Webhooks

LOOK_S = 2.0
"""How often it is looked whether the config has changed."""


async def serve(place: CompanionPlace, is_up: Callable[[], None]) -> None:
    """Tells webhooks of calls until it is cancelled. A config with errors changes nothing: the switch does not take it either."""
    known = fingerprint(place.config, place.config)
    loaded = await asyncio.to_thread(load, place.config)
    if loaded.deployment is None:
        raise RuntimeError(f"the config has errors: {loaded.problems[0].message}")
    settings, webhooks = loaded.deployment.switch, [loaded.deployment.webhooks]
    database = Database(ledger_url(place.data, settings.ledger_url))
    async with Sender(lambda: webhooks[-1].hosts) as sender:
        deliverer = Deliverer(
            DeliveryStore(database),
            sender,
            now_us=now_us,
            chance=SystemRandom().random,
            complain=place.complain,
            currency=settings.currency,
        )
        is_up()
        await deliverer.configure(webhooks[-1], version=loaded.deployment.plan.version)
        async with asyncio.TaskGroup() as group:
            group.create_task(deliverer.run())
            group.create_task(_follow(place.config, known, deliverer, webhooks))


async def _follow(config: Path, known: Fingerprint, deliverer: Deliverer, webhooks: list[Webhooks]) -> None:
    """Takes up each config that loads. Its last one stays in `webhooks`."""
    while True:
        await asyncio.sleep(LOOK_S)
        found = await asyncio.to_thread(fingerprint, config, config)
        if found == known:
            continue
        known = found
        deployment = (await asyncio.to_thread(load, config)).deployment
        if deployment is not None and deployment.webhooks != webhooks[-1]:
            webhooks[:] = [deployment.webhooks]
            await deliverer.configure(deployment.webhooks, version=deployment.plan.version)


if __name__ == "__main__":
    run_companion("python -m switch.deliver", "Tells webhooks of calls", serve)
