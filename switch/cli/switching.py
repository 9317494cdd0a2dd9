"""The commands around a running switch: run, check, demo. Each is a few lines on top of a part that does it."""

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app, count, deployed, fail, require_config, show_problem
from switch.output import write_json, write_line

__all__ = ["app", "check", "demo", "run"]


@app.command(epilog=EXIT)
def run(config: ConfigDir = DEFAULT_CONFIG) -> None:
    """Run the switch until SIGTERM or Ctrl-C.

    SIGHUP, or a changed file, reloads the config: all of it or nothing. The log goes to stdout.

    \b
    Examples:
      payphone run --config /etc/payphone
    """
    import uvloop

    from switch.run import CannotStart, serve

    require_config(config)
    try:
        uvloop.run(serve(config))
    except CannotStart as error:
        fail(str(error))


@app.command(epilog="Exit 0: no error, though there may be warnings; 1: an error; 2: wrong usage.")
def check(config: ConfigDir = DEFAULT_CONFIG, *, json_lines: AsJson = False) -> None:
    """Check the config: every problem with file, line and a hint.

    \b
    Examples:
      payphone check --config /etc/payphone
      payphone check --json
    """
    from switch.settings.load import load
    from switch.settings.problem import as_json

    require_config(config)
    loaded = load(config)
    for problem in loaded.problems:
        if json_lines:
            write_json(as_json(problem))
        else:
            show_problem(problem)
    errors = len(loaded.errors)
    warnings = len(loaded.problems) - errors
    if not json_lines:
        found = f"{count(errors, 'error')}, {count(warnings, 'warning')}" if loaded.problems else "no problems"
        write_line(f"{config}: {found}")
    raise typer.Exit(1 if loaded.deployment is None else 0)


@app.command(epilog="Exit 0: all calls are judged right; 1: one is not, or the demo can't start; 2: wrong usage.")
def demo(config: ConfigDir = DEFAULT_CONFIG, *, json_lines: AsJson = False) -> None:
    """Play four scenes over real SIP and RTP on loopback.

    They are told as they happen, against the sample config, and every record is checked.

    \b
    Examples:
      payphone demo
      payphone demo --json
    """
    import uvloop

    from switch.demo.show import play_demo
    from switch.run import CannotStart

    deployment, _ = deployed(config)
    try:
        right = uvloop.run(play_demo(deployment, json_lines=json_lines))
    except CannotStart as error:
        fail(str(error))
    raise typer.Exit(0 if right else 1)
