"""The command `payphone audit`. What is proved: `switch.ledger.auditing`."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from switch.cli.common import DEFAULT_CONFIG, AsJson, ConfigDir, app, count, from_ledger, open_ledger
from switch.output import progress, write_folded, write_json, write_line

if TYPE_CHECKING:
    from switch.ledger.auditing import AuditFinding, Checked

__all__ = ["app", "audit"]

NS_PER_S = 1_000_000_000


@app.command(epilog="Exit 0: sound; 1: something is not, or the ledger can't be read; 2: wrong usage.")
def audit(config: ConfigDir = DEFAULT_CONFIG, *, json_lines: AsJson = False) -> None:
    """Prove that the ledger is sound.

    Every balance is a sum of rows, every row is as it was written. Reads every call, attempt, money row, state and posting as of one
    moment, and the journal; writes nothing, and works while the switch runs. Each finding has the key of the row, the rule that it breaks,
    and how. docs/guide-money.md lists the rules.

    \b
    Examples:
      payphone audit --config /etc/payphone
    """
    from switch.engine.clock import SystemClock
    from switch.ledger.auditing import Auditor

    ledger, place = open_ledger(config)
    clock = SystemClock()
    began = clock.now()
    with progress("audit") as advanced:
        auditor = Auditor(ledger, place.data / "journal", advanced=lambda checked: advanced(checked.rows, checked.total))
        found = from_ledger(lambda: _write_findings(auditor.findings(), json_lines=json_lines))
    ledger.close()
    took_s = (clock.now().mono_ns - began.mono_ns) / NS_PER_S
    _summarise(auditor.checked, found, took_s=took_s, json_lines=json_lines)
    raise typer.Exit(1 if found else 0)


def _write_findings(findings: "Iterator[AuditFinding]", *, json_lines: bool) -> int:
    """Prints them as they come. Returns how many there were."""
    number = 0
    for number, finding in enumerate(findings, 1):  # noqa: B007 the last one is how many
        if json_lines:
            write_json(asdict(finding))
        else:
            write_folded([finding.key, f"  {finding.rule}: {finding.what}", *(f"  look at {row}" for row in finding.rows)])
    return number


def _summarise(checked: "Checked", found: int, *, took_s: float, json_lines: bool) -> None:
    if json_lines:
        write_json({"summary": {**asdict(checked), "findings": found, "seconds": round(took_s, 3)}})
        return
    text = (
        f"{count(checked.rows, 'row')}: {count(checked.calls, 'call')}, {count(checked.attempts, 'attempt')}, "
        f"{count(checked.money, 'money row')}, {count(checked.states, 'state')}; {count(checked.postings, 'posting')}; "
        f"{count(checked.journal_calls, 'call')} in the journal"
    )
    write_folded([text])
    verdict = count(found, "finding") if found else "sound"
    parties = f"{checked.parties} {'party' if checked.parties == 1 else 'parties'}"
    write_line(f"{verdict}: balances of {parties}, in {took_s:.1f} s")
