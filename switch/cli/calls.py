"""The command `payphone calls`: which records are wanted. How they look is `switch.console`'s."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app, fail, from_ledger, open_ledger
from switch.cli.options import MAX_LISTED, Caller, Campaign, Line, Number, Publisher, Since, Until, ZoneName
from switch.output import write_line

__all__ = ["app", "calls"]


@app.command(epilog=EXIT)
def calls(
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MAX_LISTED, help="How many, newest first.")] = 20,
    publisher: Publisher = None,
    campaign: Campaign = None,
    line: Line = None,
    state: Annotated[str | None, typer.Option(help="Only with this final state, such as converted or no_answer.")] = None,
    number: Number = None,
    caller: Caller = None,
    since: Since = None,
    until: Until = None,
    zone: ZoneName = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with calls as they end, until Ctrl-C.")] = False,
    json_lines: AsJson = False,
) -> None:
    """Show call records with their verdicts, newest first.

    Works while the switch runs. Amounts are those of the verdict, when the call ended: `payphone money show ID` has what was posted later.
    `payphone explain ID` says more of one call; --json has every field.

    \b
    Examples:
      payphone calls --since 2026-03-01 --state converted
      payphone calls --line acme-east --follow
      payphone calls --json -n 1000 | jq .call_id
    """
    from switch.cli.call_filter import call_filter
    from switch.cli.listing import follow_calls, show_calls

    ledger, place = open_ledger(config)
    wanted, clock = call_filter(
        publisher=publisher,
        campaign=campaign,
        line=line,
        state=_state(state),
        number=number,
        caller=caller,
        since=since,
        until=until,
        zone=zone or place.zone,
    )
    if not from_ledger(lambda: show_calls(ledger, wanted, limit=limit, clock=clock, as_json_lines=json_lines, follow=follow)):
        for hint in _unknown_names(place.names, publisher=publisher, campaign=campaign, line=line):
            write_line(hint, err=True)
    if follow:
        from_ledger(lambda: follow_calls(ledger, wanted, clock=clock, as_json_lines=json_lines))


def _unknown_names(known: Mapping[str, Collection[str]], **wanted: str | None) -> Iterator[str]:
    """Says which names the config does not have, and the nearest it has. The ledger may have them all the same, from before."""
    from difflib import get_close_matches

    for kind, name in wanted.items():
        if name is not None and name not in known.get(kind, ()):
            nearest = get_close_matches(name, known.get(kind, ()), n=1)
            yield f"the config has no {kind} {name}" + (f": did you mean {nearest[0]}?" if nearest else "")


def _state(text: str | None) -> str | None:
    """A final state, however its words are joined; exit 1 for what is none."""
    from switch.call.record import FinalState

    if text is None:
        return None
    name = text.strip().lower().replace(" ", "_").replace("-", "_")
    if name not in set(FinalState):
        fail(f"--state: there is no final state {text!r}; there are {', '.join(FinalState)}")
    return name
