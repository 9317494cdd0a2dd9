"""The commands `payphone webhooks ...`: what may be asked for. What they do is in `switch.cli.delivering`."""

from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app
from switch.cli.options import Actor, Yes

__all__ = ["app", "webhooks"]

MAX_LISTED = 100_000

webhooks = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""See what webhooks were told of calls, send it again, try one.

    \b
    Examples:
      payphone webhooks status
      payphone webhooks list --dead
    """,
    epilog=EXIT,
)
app.add_typer(webhooks, name="webhooks")

OfWebhook = Annotated[str | None, typer.Option(help="Only of this webhook: publisher/NAME/WEBHOOK, or its own name.")]
Dead = Annotated[bool, typer.Option("--dead", help="Only what was given up.")]


@webhooks.command(epilog=EXIT)
def status(*, config: ConfigDir = DEFAULT_CONFIG, json_lines: AsJson = False) -> None:
    """Show each webhook, and how many deliveries of it are done, wait, or were given up.

    \b
    Examples:
      payphone webhooks status
      payphone webhooks status --json
    """
    from switch.cli.delivering import show_status

    show_status(config, as_json_lines=json_lines)


@webhooks.command("list", epilog=EXIT)
def list_deliveries(
    *,
    dead: Dead = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what is still to be told.")] = False,
    webhook: OfWebhook = None,
    call: Annotated[str | None, typer.Option(help="Only of this call: its id, or how it begins.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MAX_LISTED, help="So many, the newest.")] = 20,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Show deliveries, the newest first, with where each stands and why.

    \b
    Examples:
      payphone webhooks list --dead
      payphone webhooks list --call 3f2a9c --json
    """
    from switch.cli.common import fail
    from switch.cli.delivering import show_deliveries

    if dead and waiting:
        fail("--dead and --waiting: give one of them")
    show_deliveries(
        config,
        state="dead" if dead else "waiting" if waiting else None,
        webhook=webhook,
        call=call,
        limit=limit,
        as_json_lines=json_lines,
    )


@webhooks.command(epilog="Exit 0: they are sent again; 1: there is no such one, or not confirmed; 2: wrong usage.")
def resend(
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers of deliveries, as `list` shows them.")] = None,
    *,
    dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
    webhook: OfWebhook = None,
    actor: Actor = None,
    yes: Yes = False,
    config: ConfigDir = DEFAULT_CONFIG,
) -> None:
    """Send deliveries again, those that were taken too, each for a day as if it were new.

    The receiver knows them by the same Idempotency-Key as before.

    \b
    Examples:
      payphone webhooks resend 1204 1207
      payphone webhooks resend --dead --webhook publisher/radio-one/crm
    """
    from switch.cli.delivering import send_again

    send_again(config, numbers=numbers or [], dead=dead, webhook=webhook, actor=actor, yes=yes)


@webhooks.command("test", epilog="Exit 0: it was taken; 1: it was not, and stdout says why; 2: wrong usage.")
def try_one(
    name: Annotated[str, typer.Argument(help="The webhook: publisher/NAME/WEBHOOK, or its own name.")],
    event: Annotated[str | None, typer.Option(help="Which event. Default: the first that it is told of.")] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the request, and send nothing.")] = False,
    config: ConfigDir = DEFAULT_CONFIG,
) -> None:
    """Send a webhook an event of a call that never was, and show request and answer.

    \b
    Examples:
      payphone webhooks test crm
      payphone webhooks test publisher/radio-one/crm --event payout
    """
    from switch.cli.delivering import send_sample

    send_sample(config, name, event=event, dry_run=dry_run)
