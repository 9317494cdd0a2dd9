"""The command `payphone explain`. How a call is explained is `switch.explain`'s."""

from pathlib import Path
from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app, fail, from_ledger, open_ledger
from switch.cli.options import ZoneName
from switch.cli.sip_trace import Shown, SipCommand, export_pcap, show_trace, trace_of
from switch.output import write_folded, write_json

__all__ = ["app", "explain"]

Sip = Annotated[
    Shown | None,
    typer.Option(help="Show its SIP messages: who sent whom what, and when; full: every message. CALL may be a carrier's Call-ID."),
]
Pcap = Annotated[Path | None, typer.Option(help="Write its SIP messages to this file, which Wireshark reads.")]


@app.command(epilog=EXIT, cls=SipCommand)
def explain(
    call: Annotated[str, typer.Argument(help="The call's id, or how it begins; `payphone calls` shows them.")],
    *,
    config: ConfigDir = DEFAULT_CONFIG,
    sip: Sip = None,
    pcap: Pcap = None,
    zone: ZoneName = None,
    json_lines: AsJson = False,
) -> None:
    """Say why a call went where it went, and what it earned.

    Shows what happened and when, who hung up, each rule that was looked at with its file and line, the counters that were read, and the
    money. With --sip, what was on the wire instead, a column for each party.

    \b
    Examples:
      payphone explain 3f2a9c
      payphone explain 3f2a9c --json
      payphone explain 3f2a9c --sip
      payphone explain 3f2a9c --sip full
      payphone explain 3f2a9c --pcap call.pcap
      payphone explain 8a7d-4711@198.51.100.7 --sip
    """
    from switch.explain import explanation_lines
    from switch.explanation import explain as explained
    from switch.explanation import sources
    from switch.ledger.versions import differences, versions_now
    from switch.period import BadInstant, clock_of

    ledger, place = open_ledger(config)
    if sip is not None or pcap is not None:
        trace = trace_of(ledger, call)
        if sip is not None:
            show_trace(trace, sip, as_json=json_lines)
        if pcap is not None:
            export_pcap(trace, pcap)
        return
    try:
        clock = clock_of(zone or place.zone)
    except BadInstant as error:
        fail(str(error))
    found = from_ledger(lambda: ledger.calls_like(call, limit=2))
    if not found:
        fail(f"no call {call!r} in the ledger: `payphone calls` shows their ids; a call in progress is not there yet")
    if len(found) > 1:
        fail(f"more than one call begins with {call!r}: give more of its id")
    judged = found[0]
    rows = from_ledger(lambda: ledger.rows_of(judged.record.call_id))
    states = from_ledger(lambda: ledger.state_rows([row.key for row in rows]))
    files = from_ledger(lambda: ledger.config(judged.record.config))
    call_id = judged.record.call_id
    recordings = from_ledger(lambda: ledger.recordings_of([call_id]))
    media = from_ledger(lambda: ledger.media_of([call_id])).get(call_id, ())
    heard = from_ledger(lambda: ledger.heard_of([call_id])).get(call_id, ())
    explanation = explained(
        judged, rows=rows, states=states, config=sources(files), recordings=recordings, media=media, heard=heard
    )
    kept = from_ledger(lambda: ledger.config_versions(judged.record.config, at_us=judged.record.invited_us))
    other_versions = differences(kept, versions_now())
    if json_lines:
        write_json({**explanation.as_json(), "other_versions": list(other_versions)})
        return
    write_folded(explanation_lines(explanation, clock))
    write_folded(f"decided with {difference}: hours and places may come out differently today" for difference in other_versions)
