"""The command `payphone route`. Where a call would go is found out by `switch.simulation.route_query`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app, deployed, fail
from switch.output import write_folded, write_json

if TYPE_CHECKING:
    from routing.override import Override

__all__ = ["app", "route"]


@app.command(epilog=EXIT)
def route(
    did: Annotated[str, typer.Option(help="The tracking number that is called, e.g. +18005550100.")],
    ani: Annotated[str, typer.Option(help="The caller's number, E.164; empty: withheld.")],
    at: Annotated[str | None, typer.Option(help="When: 2026-03-02T14:00, or with a zone's offset. Default: now.")] = None,
    zone: Annotated[
        str | None, typer.Option(help="IANA zone of --at and of what is shown. Default: that of most campaigns.")
    ] = None,
    digits: Annotated[str, typer.Option(help="What the caller presses in menus, in order.")] = "",
    tag: Annotated[list[str], typer.Option(help="What the carrier passes, NAME=VALUE; may be given more than once.")] = [],  # noqa: B006
    *,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Say where a call would go and why.

    No call is placed; all lines count as idle, and the first that is dialled answers. Where the switch runs, its overrides hold. Shows the
    line that is dialled, what the menu made of the keys, the tags that filters read, the price, and every rule that was looked at, with its
    file and line.

    \b
    Examples:
      payphone route --did +18005550100 --ani +12145550123 --digits 1
      payphone route --did +18005550100 --ani +12145550123 --at 2026-03-02T14:00
      payphone route --did +18005550100 --ani +12145550123 --tag source=radio
    """
    from switch.cli.ruling import show_ruling
    from switch.period import BadInstant, clock_of, zone_of
    from switch.simulation.route_query import BadQuery, ask_route, passed_tags

    deployment, positions = deployed(config)
    plan = deployment.plan
    try:
        clock = clock_of(zone or zone_of(plan))
        answer = ask_route(
            plan,
            did=did,
            ani=ani,
            at=at,
            zone=clock,
            digits=digits,
            tags=passed_tags(tag, plan.tag_kinds),
            overrides=_overrides(deployment.switch.data),
        )
    except (BadQuery, BadInstant) as error:
        fail(str(error))
    for warning in answer.warnings:
        write_folded([f"payphone: {warning}"], err=True)
    if json_lines:
        write_json(answer.as_json())
    else:
        show_ruling(answer, positions, clock)


def _overrides(data: Path) -> "tuple[Override, ...]":
    """Those in force on the running switch; none where none runs."""
    from switch.control.client import ControlError, NotRunning, connected
    from switch.control.messages import GetOverrides, Overrides

    try:
        with connected(data) as switch:
            return switch.ask(GetOverrides(id=1), Overrides).overrides
    except NotRunning:
        return ()
    except ControlError as error:
        write_folded([f"payphone: without the overrides of the running switch: {error}"], err=True)
        return ()
