"""`payphone listen`: hear a call that is in progress."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, ConfigDir, app, fail, place_of
from switch.output import is_pipe, write_folded, write_octets

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import ExitStack

    from switch.control.watcher import Event, LiveState, Watcher

__all__ = ["app", "listen"]


@app.command(epilog=EXIT)
def listen(
    call: Annotated[str, typer.Argument(help="The call's id, or the beginning of it: `payphone live` shows them.")],
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    to: Annotated[Path | None, typer.Option(help="A WAV file to write, instead of a pipe.", metavar="FILE.wav")] = None,
) -> None:
    """Listen in to a call, until it ends.

    Or until Ctrl-C. Both sides are heard, mixed; neither of them hears anything of it. To a pipe goes µ-law at 8 kHz, for a player. While
    the call's recording is paused there is silence. Who listened, when and to which call is kept: `payphone actions`.

    \b
    Examples:
      payphone listen 3f2a | aplay -q -t raw -f MU_LAW -r 8000
      payphone listen 3f2a | sox -t ul -r 8000 - -d
      payphone listen 3f2a --to /tmp/call.wav
    """
    import asyncio
    from contextlib import ExitStack, suppress

    from switch.control.client import ControlError

    if to is None and not is_pipe():
        fail(
            f"this is audio: pipe it to a player, `payphone listen {call} | aplay -q -t raw -f MU_LAW -r 8000`, or give --to FILE.wav"
        )
    if to is not None and to.suffix != ".wav":
        fail(f"--to: a file whose name ends with .wav, not {to.name}")
    data = place_of(config).data
    with ExitStack() as stack:
        write = write_octets if to is None else _wav(to, stack)
        try:
            with suppress(KeyboardInterrupt, BrokenPipeError):
                asyncio.run(_play(data, call, write))
        except ControlError as error:
            fail(str(error))
    if to is not None:
        write_folded([f"written: {to}"])


def _wav(path: Path, stack: "ExitStack") -> Callable[[bytes], None]:
    from media.dsp.g711 import PCMU, decode
    from media.recorder.wav_file import WavFile

    try:
        file = WavFile.create(path.absolute(), channels=1)
    except OSError as error:
        fail(f"{path}: {error.strerror or error}")
    stack.callback(file.publish)
    return lambda octets: file.append(decode(octets, PCMU)[:, None])


async def _play(data: Path, beginning: str, write: Callable[[bytes], None]) -> None:
    """Raises ControlError."""
    import asyncio
    from contextlib import aclosing

    from switch.cli.posting import actor_of
    from switch.control.watcher import Watcher
    from switch.web.listening import ListeningRoom

    watcher, room = Watcher(data), ListeningRoom(data)
    async with aclosing(watcher.events()) as events:
        call_id = await _found(watcher, events, beginning)
        following = asyncio.create_task(_follow(events))
        room.open()
        try:
            stream = room.listen(call_id, actor=actor_of(None), is_muted=lambda: _is_muted(watcher.state, call_id))
            async with aclosing(stream) as heard:
                async for octets in heard:
                    write(octets)
        finally:
            room.close()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _found(watcher: "Watcher", events: "AsyncGenerator[Event, None]", beginning: str) -> str:
    """Returns the id of the one call that begins with this. Raises ControlError."""
    from switch.control.client import ControlError
    from switch.control.watcher import Lost

    event = await anext(events)
    if isinstance(event, Lost):
        raise ControlError(event.why)
    found = [call_id for call_id in watcher.state.calls if call_id.startswith(beginning)]
    if len(found) > 1:
        raise ControlError(f"more than one call in progress begins with {beginning}: give more of its id")
    if not found:
        raise ControlError(f"no call {beginning} is in progress: `payphone live` shows which are")
    return found[0]


async def _follow(events: "AsyncGenerator[Event, None]") -> None:
    async for _ in events:
        pass


def _is_muted(state: "LiveState", call_id: str) -> bool | None:
    """A call whose recording is paused says what nobody is to keep; None: it is over."""
    call = state.calls.get(call_id)
    return None if call is None else call.recording == "paused"
