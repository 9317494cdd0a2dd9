"""Knows the command `payphone explain`. Does not know how a call is explained: `switch.explain`."""

from pathlib import Path
from typing import Annotated

import typer

from switch.cli.common import AsJson, ConfigDir, app, deployed, fail, from_ledger, ledger_of, print_json
from switch.explain import explain as explained
from switch.explain import sources, told
from switch.settings.versions import differences, versions_now


@app.command()
def explain(
    call: Annotated[str, typer.Argument(help="The call's id, or how it begins; `payphone calls --json` shows them.")],
    *,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """Say why a call went where it went: each rule with its file and line, the counters that were read, the seed, and the money.

    Example: payphone explain 3f2a9c
    """
    deployment, _ = deployed(config)
    ledger = ledger_of(deployment, config=config)
    found = from_ledger(lambda: ledger.calls_like(call, limit=2))
    if not found:
        fail(f"no call {call!r} in the ledger: `payphone calls --json` shows their ids; a call in progress is not there yet")
    if len(found) > 1:
        fail(f"more than one call begins with {call!r}: give more of its id")
    judged = found[0]
    rows = from_ledger(lambda: ledger.rows_of(judged.record.call_id))
    states = from_ledger(lambda: ledger.state_rows([row.key for row in rows]))
    files = from_ledger(lambda: ledger.config(judged.record.config))
    explanation = explained(judged, rows=rows, states=states, config=sources(files))
    kept = from_ledger(lambda: ledger.config_versions(judged.record.config, at_us=judged.record.invited_us))
    other_versions = differences(kept, versions_now())
    if json_lines:
        print_json({**explanation.as_json(), "other_versions": list(other_versions)})
        return
    for line in told(explanation):
        typer.echo(line)
    for difference in other_versions:
        typer.echo(f"decided with {difference}: hours and places may come out differently today")
