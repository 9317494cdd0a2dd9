"""The command `payphone calls`: which records are wanted. How they look is `switch.console`'s."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app, fail, from_ledger, open_ledger
from switch.output import write_line

MAX_LISTED = 1_000_000
__all__ = ["app", "calls"]


@app.command(epilog=EXIT)
def calls(
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MAX_LISTED, help="How many, newest first.")] = 20,
    publisher: Annotated[str | None, typer.Option(help="Only this publisher's.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Only of this campaign.")] = None,
    line: Annotated[str | None, typer.Option(help="Only those for which this line was tried.")] = None,
    state: Annotated[str | None, typer.Option(help="Only with this final state, such as converted or no_answer.")] = None,
    number: Annotated[str | None, typer.Option(help="Only to this tracking number, however it is written.")] = None,
    caller: Annotated[
        str | None, typer.Option(help="Only from this number; anonymous: withheld, kept private, or nobody's.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only from then on: 2026-03-01, or 2026-03-01T14:00.")] = None,
    until: Annotated[str | None, typer.Option(help="Only before then.")] = None,
    zone: Annotated[str | None, typer.Option(help="IANA zone of all times. Default: that of most campaigns.")] = None,
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
    from routing.geo import to_e164
    from switch.cli.listing import CallFilter, follow_calls, show_calls
    from switch.period import BadInstant, clock_of, parse_period

    ledger, place = open_ledger(config)
    zone = zone or place.zone
    try:
        clock = clock_of(zone)
        period = parse_period(since, until, zone=zone, options=("--since", "--until"))
        wanted = CallFilter(
            publisher=publisher,
            campaign=campaign,
            line=line,
            state=_state(state),
            number=None if number is None else to_e164(number),
            caller=None if caller is None else _caller(caller),
            since_us=period.from_us if period.has_start else None,
            until_us=period.to_us if period.has_end else None,
        )
    except BadInstant as error:
        fail(str(error))
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


def _caller(text: str) -> str:
    from routing.geo import to_e164
    from switch.ledger.reading import ANONYMOUS

    return ANONYMOUS if text.strip().lower() == ANONYMOUS else to_e164(text)


def _state(text: str | None) -> str | None:
    """A final state, however its words are joined; exit 1 for what is none."""
    from switch.call.record import FinalState

    if text is None:
        return None
    name = text.strip().lower().replace(" ", "_").replace("-", "_")
    if name not in set(FinalState):
        fail(f"--state: there is no final state {text!r}; there are {', '.join(FinalState)}")
    return name
