"""The command `payphone probe`: what may be asked for. What it does is in `switch.cli.probing`."""

from pathlib import Path
from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, AsJson, ConfigDir, app
from switch.cli.options import MAX_LISTED, Actor, ZoneName

__all__ = ["app", "probe"]


@app.command(epilog="Exit 0: all is good; 1: something is not, or no call could be placed; 2: wrong usage.")
def probe(
    target: Annotated[
        str | None, typer.Argument(help="A probe of the config, a tracking number, or a line. Default with --history: all.")
    ] = None,
    *,
    config: ConfigDir = DEFAULT_CONFIG,
    caller: Annotated[str | None, typer.Option(help="Who calls, E.164. Default: the probe's, or an anonymous caller.")] = None,
    presses: Annotated[
        str | None, typer.Option(help="Keys to press once it is answered; a comma waits for two seconds. Default: the probe's.")
    ] = None,
    hears: Annotated[
        str | None, typer.Option(help="What must be heard then: nothing, audio, echo, or 'tone 440'. Default: the probe's.")
    ] = None,
    trunk: Annotated[str | None, typer.Option(help="The trunk of probes that a number is called from.")] = None,
    hang_up: Annotated[str | None, typer.Option(help="Who is to end the call: caller, line, or both, in two calls.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Copy what was heard to this WAV file.")] = None,
    log: Annotated[Path | None, typer.Option(help="Write all SIP messages of the probe's phone to this file.")] = None,
    actor: Actor = None,
    history: Annotated[bool, typer.Option("--history", help="Place no call; show what probes found, newest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MAX_LISTED, help="How many of them.")] = 20,
    zone: ZoneName = None,
    json_lines: AsJson = False,
) -> None:
    """Place a real call to a number or a line by another make of phone, and say what is good.

    A number is called as a carrier calls it, from a trunk with `probe: true`: such calls earn nothing and count in no cap and no
    report. A line is called as the switch calls it, past the switch. It takes the extra `probe`: pip install 'payphone[probe]'.

    \b
    Examples:
      payphone probe acme-east
      payphone probe +18005550100 --presses ",1" --hears audio
      payphone probe front-door --json | jq .failures
      payphone probe --history -n 50
    """
    from switch.cli import probing

    if history:
        probing.show_history(config, target, limit=limit, zone=zone, as_json_lines=json_lines)
        return
    asked = probing.Asked(caller=caller, presses=presses, hears=hears, trunk=trunk, hang_up=hang_up)
    probing.place(config, target, asked, keep=keep, log=log, actor=actor, as_json_lines=json_lines)
