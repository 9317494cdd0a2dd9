"""The command `payphone replay`: what may be asked for. What it does is in `switch.cli.replaying`."""

from pathlib import Path
from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, app, fail

__all__ = ["app", "replay"]


@app.command(epilog=EXIT)
def replay(
    *,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The config to try.")] = None,
    old: Annotated[
        Path, typer.Option("--of", help="The config of the switch whose calls they were: its ledger is read.")
    ] = DEFAULT_CONFIG,
    begin: Annotated[str | None, typer.Option("--from", help="E.g. 2026-11-18, or 2026-11-18T14:00. Default: yesterday.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Until then, not included. Default: the end of that day.")] = None,
    zone: Annotated[str | None, typer.Option(help="IANA zone of --from and --to. Default: that of most campaigns.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="By the old config itself: how well does this method tell what happened?")
    ] = False,
    calls: Annotated[bool, typer.Option("--calls", help="List each call that differs.")] = False,
    json_lines: AsJson = False,
) -> None:
    """Decide past calls once more, by another config.

    What would have become of them? Caps, hours and repeat callers move along in simulated time. Shows the calls that move and where to, the
    money before and after, the caps that fill, and the assumptions behind it. Nothing is written.

    \b
    Examples:
      payphone replay --config /tmp/new --of /etc/payphone --from 2026-11-18
      payphone replay --config /tmp/new --calls
      payphone replay --check
    """
    from switch.cli.replaying import replay_calls

    if (config is None) != check:
        fail("give --config NEW, or --check to try the method itself on the config that decided the calls")
    replay_calls(config, old=old, begin=begin, end=end, zone=zone, check=check, calls=calls, json_lines=json_lines)
