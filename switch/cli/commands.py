"""The table of commands, and the group that loads one only when it is asked for.

`payphone --help` imports no command, and a command's own help no more than its options: what a command works with, it imports when it
runs. That is why imports inside functions are allowed in this package.
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = {
    "init": ("switch.cli.init", "Make a config to start from."),
    "run": ("switch.cli.switching", "Run the switch until SIGTERM or Ctrl-C."),
    "demo": ("switch.cli.switching", "Place six test calls over real SIP and RTP on loopback."),
    "check": ("switch.cli.switching", "Check the config: every problem with file, line and a hint."),
    "route": ("switch.cli.route", "Say where a call would go and why."),
    "test": ("switch.cli.testing", "Run the call tests beside the config."),
    "fmt": ("switch.cli.editing", "Write the config files in their canonical form."),
    "numbers": ("switch.cli.numbers", "Bring tracking numbers from a spreadsheet to the config, and back."),
    "diff": ("switch.cli.editing", "Say in words what changes between two configs."),
    "replay": ("switch.cli.replay", "Decide past calls once more, by another config."),
    "simulate": ("switch.cli.simulate", "Invent traffic and play it, in simulated time."),
    "status": ("switch.cli.control", "Say whether the switch runs, drains or is overloaded, and how many calls it has."),
    "live": ("switch.cli.live", "Show the calls in progress, and keep showing them until Ctrl-C."),
    "caps": ("switch.cli.live", "Show how full each cap of the running switch is, and when it is counted from zero again."),
    "trunks": (
        "switch.cli.control",
        "Show each trunk of the running switch: calls now and since the start, and when it was last heard.",
    ),
    "lines": (
        "switch.cli.control",
        "Show each line of the running switch: calls now and since the start, its rest, its last result.",
    ),
    "statistics": ("switch.cli.control", "Show what peers sent and were refused, counted since the start."),
    "hangup": ("switch.cli.steering", "Hang up calls in progress: those that are named, or all that match."),
    "pause": (
        "switch.cli.steering",
        "Let no more calls go to a line, an advertiser, a campaign, a publisher or a number.",
    ),
    "resume": ("switch.cli.steering", "Let calls go again to what was paused by `payphone pause`."),
    "cap": ("switch.cli.steering", "Give a cap another limit for a while, lower or higher than the config's."),
    "overrides": (
        "switch.cli.steering",
        "List what is paused and limited otherwise than the config says, by whom, why and until when; or lift one.",
    ),
    "actions": ("switch.cli.steering", "Show who did what to the running switch and in the console, the newest first."),
    "alerts": ("switch.cli.alerts", "List the alerts that fire, and what became of earlier ones; send a test."),
    "probe": ("switch.cli.probe", "Place a real call to a number or a line by another make of phone, and say what is good."),
    "drain": ("switch.cli.control", "Take no new calls, let those in progress finish, then end the switch."),
    "listen": ("switch.cli.listen", "Listen in to a call, until it ends."),
    "calls": ("switch.cli.calls", "Show call records with their verdicts, newest first."),
    "explain": ("switch.cli.explain", "Say why a call went where it went, and what it earned."),
    "recordings": ("switch.cli.recordings", "List, verify, export and delete recordings of calls; pause one."),
    "report": ("switch.cli.report", "Report calls, talk and money by publisher, line, hour and more."),
    "money": ("switch.cli.money", "See and correct what is owed and earned."),
    "webhooks": ("switch.cli.webhooks", "See what webhooks were told of calls, send it again, try one."),
    "audit": ("switch.cli.audit", "Prove that the ledger is sound."),
    "user": ("switch.cli.user", "Make the entry of somebody who logs in to the console."),
    "api": ("switch.cli.api", "Take postbacks by HTTP, without a switch."),
}
"""By name: the module that declares it, and what it does. In the order somebody meets them: run it, change its config, look at what came
of it."""


class CommandGroup(TyperGroup):
    """The group of `payphone`: knows all commands by name, and imports one when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 Click's signature
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and cmd_name in COMMANDS:
            module = import_module(COMMANDS[cmd_name][0])  # registers itself on its `app`
            registered = typer.main.get_group(module.app)
            self.commands = {**self.commands, **registered.commands}
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 Click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            self.commands = {**dict.fromkeys(COMMANDS), **self.commands}  # type: ignore[dict-item]  # names to suggest from
        return super().resolve_command(ctx, args)
