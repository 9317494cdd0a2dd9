"""The commands `payphone recordings ...`: what may be asked for. What they do is in `switch.cli.recorded`."""

from collections.abc import Callable
from functools import wraps
from inspect import Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, actor, app, fail, place_of
from switch.cli.options import (
    MAX_LISTED,
    Actor,
    Caller,
    Campaign,
    Line,
    Number,
    Publisher,
    Reason,
    Since,
    Until,
    Yes,
    ZoneName,
)
from switch.output import write_json, write_line

if TYPE_CHECKING:
    from switch.cli.recorded import Wanted

__all__ = ["app", "recordings"]

recordings = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""List, verify, export and delete recordings of calls; pause one.

    \b
    Examples:
      payphone recordings list --since 2026-03-01
      payphone recordings verify
    """,
    epilog=EXIT,
)
app.add_typer(recordings, name="recordings")

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=MAX_LISTED, help="Of how many calls, newest first.")]
Call = Annotated[str | None, typer.Option(help="Only of this call: its id, or how it begins.")]
CallInProgress = Annotated[str, typer.Argument(help="The call's id, or its beginning. The line has it in the header X-Call-ID.")]


def _wanted(
    *,
    limit: Limit = MAX_LISTED,
    call: Call = None,
    publisher: Publisher = None,
    campaign: Campaign = None,
    line: Line = None,
    number: Number = None,
    caller: Caller = None,
    since: Since = None,
    until: Until = None,
    zone: ZoneName = None,
) -> "Wanted":
    from switch.cli.recorded import Wanted

    return Wanted(
        limit=limit,
        call=call,
        publisher=publisher,
        campaign=campaign,
        line=line,
        number=number,
        caller=caller,
        since=since,
        until=until,
        zone=zone,
    )


def _of_many(*, name: str | None = None, limit: int = MAX_LISTED, epilog: str = EXIT) -> Callable[[Callable[..., None]], None]:
    """Registers a command about all recordings that are wanted: instead of `wanted` it has the options of `_wanted`."""

    def register(action: Callable[..., None]) -> None:
        which = dict(signature(_wanted).parameters)
        which["limit"] = which["limit"].replace(default=limit)
        own = [each for each in signature(action).parameters.values() if each.name != "wanted"]
        options = [*own[:-1], *which.values(), own[-1]]

        @wraps(action)
        def command(**given: Any) -> None:
            wanted = _wanted(**{each: given.pop(each) for each in which})
            action(**given, wanted=wanted)

        command.__signature__ = Signature(options)  # type: ignore[attr-defined]  # Typer reads both
        command.__annotations__ = {each.name: each.annotation for each in options}
        recordings.command(name, epilog=epilog)(command)

    return register


@_of_many(name="list", limit=20)
def _list(*, config: ConfigDir = DEFAULT_CONFIG, wanted: "Wanted", json_lines: AsJson = False) -> None:
    """Show the recordings of calls, those of the newest call first.

    lost: frames that could not be recorded, 20 ms of silence each. ended early: what ended it before its call did. deleted: when
    the file was, and by whom.

    \b
    Examples:
      payphone recordings list --campaign auto-quotes
      payphone recordings list --json -n 1000 | jq .path
    """
    from switch.cli.recorded import show

    show(config, wanted, as_json_lines=json_lines)


@_of_many(name="verify", epilog="Exit 0: all are as they were written; 1: one is not, or is missing; 2: wrong usage.")
def _verify(*, config: ConfigDir = DEFAULT_CONFIG, wanted: "Wanted", json_lines: AsJson = False) -> None:
    """Compare each file with the SHA-256 that the ledger has of it.

    \b
    Examples:
      payphone recordings verify
      payphone recordings verify --since 2026-03-01
    """
    from switch.cli.recorded import verify

    verify(config, wanted, as_json_lines=json_lines)


@_of_many(name="export")
def _export(
    to: Annotated[Path, typer.Argument(help="The directory to copy to; it is made where it is not there.")],
    *,
    config: ConfigDir = DEFAULT_CONFIG,
    wanted: "Wanted",
    json_lines: AsJson = False,
) -> None:
    """Copy recordings to a directory, each verified. A file that is there already is not written over.

    \b
    Examples:
      payphone recordings export /tmp/march --since 2026-03-01 --until 2026-04-01
      payphone recordings export /tmp/one --call 3f2a9c
    """
    from switch.cli.recorded import export

    export(config, wanted, to=to, as_json_lines=json_lines)


@recordings.command(epilog=EXIT)
def delete(
    *,
    config: ConfigDir = DEFAULT_CONFIG,
    call: Call = None,
    older_than: Annotated[str | None, typer.Option(help="All that are older: 90d.", metavar="DAYS")] = None,
    reason: Reason,
    actor: Actor = None,
    yes: Yes = False,
    json_lines: AsJson = False,
) -> None:
    """Delete the files of recordings, of one call or by age. The ledger keeps that there was one, and who deleted it, when and why.

    \b
    Examples:
      payphone recordings delete --call 3f2a9c --reason "the caller asked for it"
      payphone recordings delete --older-than 90d --reason retention --yes
    """
    from switch.cli.recorded import delete as deleted

    if (call is None) is (older_than is None):
        fail("say which: --call ID, or --older-than 90d")
    deleted(config, call=call, older_than=older_than, reason=reason, actor=actor, yes=yes, as_json_lines=json_lines)


@recordings.command(epilog=EXIT)
def pause(call: CallInProgress, *, config: ConfigDir = DEFAULT_CONFIG, json_lines: AsJson = False) -> None:
    """Pause the recording of a call in progress: until `resume` its file has silence, of the same length.

    \b
    Example:
      payphone recordings pause 3f2a9c0d1e5b7a42
    """
    _pause(config, call, paused=True, json_lines=json_lines)


@recordings.command(epilog=EXIT)
def resume(call: CallInProgress, *, config: ConfigDir = DEFAULT_CONFIG, json_lines: AsJson = False) -> None:
    """Go on recording a call in progress.

    \b
    Example:
      payphone recordings resume 3f2a9c0d1e5b7a42
    """
    _pause(config, call, paused=False, json_lines=json_lines)


def _pause(config: Path, call: str, *, paused: bool, json_lines: bool) -> None:
    from switch.control.client import ControlError, NotRunning, connected
    from switch.control.messages import PauseRecording, RecordingPaused

    try:
        with connected(place_of(config).data) as switch:
            found = switch.ask(PauseRecording(id=1, call_id=call, paused=paused, actor=actor()), RecordingPaused)
    except NotRunning as error:
        fail(f"{error}: `payphone run --config {config}` starts one")
    except ControlError as error:
        fail(str(error))
    if json_lines:
        write_json({"call_id": found.call_id, "paused": found.paused})
    else:
        write_line(f"the recording of {found.call_id} {'is paused' if found.paused else 'goes on'}")
