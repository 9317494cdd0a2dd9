"""The commands `payphone alerts ...`: what fires, what was, and whether people can be told. Alerts are made by `switch.monitor`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from switch.cli.common import (
    DEFAULT_CONFIG,
    EXIT,
    AsJson,
    ConfigDir,
    app,
    count,
    deployed,
    fail,
    from_ledger,
    place_of,
    url_of,
)
from switch.cli.options import MAX_LISTED
from switch.output import Column, Table, write_folded, write_json, write_line

if TYPE_CHECKING:
    from routing.zone import Zone
    from switch.ledger.tables import AlertRow

__all__ = ["alerts", "app"]

DEFAULT_HISTORY = 20
alerts = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    epilog=EXIT,
    help="""List the alerts that fire, and what became of earlier ones; send a test.

    The monitor, which `payphone run` starts where the config has `switch.alerts`, raises them; docs/guide-monitoring.md lists their kinds.
    told: that people were told, by which way, and how that went.

    \b
    Examples:
      payphone alerts --config /etc/payphone
      payphone alerts --limit 100 --json | jq 'select(.firing)'
      payphone alerts test
    """,
)
app.add_typer(alerts, name="alerts")

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=MAX_LISTED, help="How many rows of the history, newest first.")]


@alerts.callback()
def listed(
    context: typer.Context,
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    limit: Limit = DEFAULT_HISTORY,
    json_lines: AsJson = False,
) -> None:
    if context.invoked_subcommand is not None:
        return
    from routing.zone import time_zone
    from switch.ledger.database import Database
    from switch.ledger.monitoring import MonitorLedger
    from switch.monitor.book import firing

    place = place_of(config)
    ledger = MonitorLedger(Database(url_of(place, config=config)))
    now, history = from_ledger(lambda: (firing(ledger.last_alerts()), ledger.alerts(limit=limit)))
    ledger.close()
    if json_lines:
        for row in now:
            write_json({"firing": True, **asdict(row)})
        for row in history:
            write_json({"firing": False, **asdict(row)})
        return
    zone = time_zone(place.zone or "UTC")
    write_line(f"{count(len(now), 'alert')} firing" if now else "nothing fires")
    if now:
        _table(now, zone, "since").show()
    if history:
        write_line("")
        write_line("what has become of alerts, newest first")
        _table(history, zone, "at").show()


@alerts.command("test", epilog="Exit 0: all ways work; 1: one does not, and stderr says why; 2: wrong usage.")
def send_test(config: ConfigDir = DEFAULT_CONFIG) -> None:
    """Send one test alert by each way of the config, once: mail, webhook.

    It goes from this process, not from the running switch, and is not kept.

    \b
    Examples:
      payphone alerts test --config /etc/payphone
    """
    import asyncio

    from switch.companion import now_us
    from switch.monitor.alerts import AlertEvent, AlertKind, Notice
    from switch.monitor.sending import NotSent, ways_of

    settings = deployed(config)[0].switch.alerts
    if settings is None or not (ways := ways_of(settings)):
        fail("the config has no way to tell anybody: set `switch.alerts.smtp` or `switch.alerts.webhook`")
    at_us = now_us()
    notice = Notice(
        event=AlertEvent.RAISED,
        cause="test",
        kind=AlertKind.SWITCH,
        level=0,
        text="This is a test of `payphone alerts test`: nothing is wrong.",
        at_us=at_us,
        since_us=at_us,
    )
    failed = False
    for way in ways:
        try:
            asyncio.run(way.send(notice))
        except NotSent as error:
            failed = True
            write_folded([f"{way.name}: {error.why}"], err=True)
        else:
            write_line(f"{way.name}: sent")
    raise typer.Exit(1 if failed else 0)


def _table(rows: "Sequence[AlertRow]", zone: "Zone", when: str) -> Table:
    from switch.console import local

    table = Table([Column([when, zone.key], key=True), Column("event"), Column("cause"), Column("what")])
    for row in rows:
        table.add_row(
            local(row.at_us, zone), row.event, row.cause, row.text, style="yellow" if row.event in ("raised", "worse") else ""
        )
    return table
