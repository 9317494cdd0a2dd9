"""Knows the command `payphone audit`. Does not know what is proved: `switch.ledger.auditing`."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import typer

from switch.cli.common import AsJson, ConfigDir, app, count, deployed, from_ledger, ledger_of, print_json
from switch.cli.progress import progress
from switch.engine.clock import SystemClock
from switch.ledger.auditing import Auditor, Checked, Finding

NS_PER_S = 1_000_000_000


@app.command()
def audit(config: ConfigDir = Path("config"), *, json_lines: AsJson = False) -> None:
    """Prove that the ledger is sound: every balance a sum of rows, every row as it was written. Exit 1 when something is not.

    Reads every call, attempt, money row, state and posting as of one moment, and the journal; writes nothing, and works while the switch
    runs. What is wrong is told with the key of the row, the rule that it breaks, and how. docs/guide-money.md lists the rules.

    Example: payphone audit --config /etc/payphone
    """
    deployment, _ = deployed(config)
    ledger = ledger_of(deployment, config=config)
    journal = deployment.switch.data / "journal"
    clock = SystemClock()
    began = clock.now()
    with progress("audit") as advanced:
        auditor = Auditor(ledger, journal, advanced=lambda checked: advanced(checked.rows, checked.total))
        found = from_ledger(lambda: _told(auditor.findings(), json_lines=json_lines))
    ledger.close()
    took_s = (clock.now().mono_ns - began.mono_ns) / NS_PER_S
    _summarise(auditor.checked, found, took_s=took_s, json_lines=json_lines)
    raise typer.Exit(1 if found else 0)


def _told(findings: Iterator[Finding], *, json_lines: bool) -> int:
    """Tells them as they come; how many there were."""
    number = 0
    for number, finding in enumerate(findings, 1):  # noqa: B007 the last one is how many
        if json_lines:
            print_json(asdict(finding))
        else:
            typer.echo(f"{finding.key}\n  {finding.rule}: {finding.what}")
            for row in finding.rows:
                typer.echo(f"  look at {row}")
    return number


def _summarise(checked: Checked, found: int, *, took_s: float, json_lines: bool) -> None:
    if json_lines:
        print_json({"summary": {**asdict(checked), "findings": found, "seconds": round(took_s, 3)}})
        return
    typer.echo(
        f"{count(checked.rows, 'row')}: {count(checked.calls, 'call')}, {count(checked.attempts, 'attempt')}, "
        f"{count(checked.money, 'money row')}, {count(checked.states, 'state')}; {count(checked.postings, 'posting')}; "
        f"{count(checked.journal_calls, 'call')} in the journal"
    )
    verdict = count(found, "finding") if found else "sound"
    parties = f"{checked.parties} {'party' if checked.parties == 1 else 'parties'}"
    typer.echo(f"{verdict}: balances of {parties}, in {took_s:.1f} s")
