"""What `payphone explain --sip` and `--pcap` show of a call's SIP messages."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from switch.cli.common import fail, from_ledger
from switch.output import write_json, write_line, write_lines

if TYPE_CHECKING:
    from switch.ledger.store import Ledger
    from switch.trace.message import Trace


class Shown(StrEnum):
    """How SIP messages are shown."""

    LADDER = "ladder"
    FULL = "full"


class SipCommand(TyperCommand):
    """A command whose option `--sip` may stand without a value: then it is the ladder."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        following = [*args[1:], ""]
        given = [
            f"{arg}={Shown.LADDER}" if arg == "--sip" and after not in list(Shown) else arg
            for arg, after in zip(args, following, strict=True)
        ]
        return super().parse_args(ctx, given)


def trace_of(ledger: "Ledger", call: str) -> "Trace":
    """Returns the SIP messages of a call: by its id or how that begins, or by the carrier's Call-ID. Fails where there are none."""
    from switch.trace.message import decode

    ids = from_ledger(lambda: ledger.ids_like(call))
    if len(ids) > 1:
        fail(f"more than one call begins with {call!r}: give more of its id")
    found = from_ledger(lambda: ledger.traces_of(ids[0] if ids else call))
    if not found:
        known = (
            "the SIP messages of this call were not kept"
            if ids
            else f"no call {call!r} in the ledger, and no INVITE with that Call-ID"
        )
        fail(
            f"{known}: `trace` in switch.sip says of which calls they are; they come some seconds after the call's end, go after "
            "`trace_days`, and are lost where the switch is killed"
        )
    try:
        return decode(found[0].trace)
    except ValueError as error:
        fail(str(error))


def show_trace(trace: "Trace", shown: Shown, *, as_json: bool) -> None:
    """Shows it as a ladder, or each message in full."""
    import msgspec

    from switch.trace.ladder import ladder
    from switch.trace.text import ladder_lines, message_lines

    if as_json:
        write_json(msgspec.to_builtins(ladder(trace)))
    elif shown is Shown.FULL:
        write_lines(message_lines(trace))
    else:
        write_lines(ladder_lines(ladder(trace)))


def export_pcap(trace: "Trace", file: Path) -> None:
    """Writes a packet capture. Fails where the file is there already, or can't be written."""
    from switch.trace.pcap import pcap

    try:
        with file.open("xb") as out:
            out.write(pcap(trace))
    except FileExistsError:
        fail(f"{file} is there already")
    except OSError as error:
        fail(f"{file} can't be written: {error.strerror}")
    write_line(f"{len(trace.messages)} messages in {file}")
