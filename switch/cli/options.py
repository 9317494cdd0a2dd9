"""Options that several commands have: of calls that are listed, and of what is written for good."""

from typing import Annotated

import typer

MAX_LISTED = 1_000_000

Publisher = Annotated[str | None, typer.Option(help="Only this publisher's.")]
Campaign = Annotated[str | None, typer.Option(help="Only of this campaign.")]
Line = Annotated[str | None, typer.Option(help="Only where this line was tried.")]
Number = Annotated[str | None, typer.Option(help="Only to this tracking number, however it is written.")]
Caller = Annotated[str | None, typer.Option(help="Only from this number; anonymous: withheld, kept private, or nobody's.")]
Since = Annotated[str | None, typer.Option(help="Only from then on: 2026-03-01, or 2026-03-01T14:00.")]
Until = Annotated[str | None, typer.Option(help="Only before then.")]
ZoneName = Annotated[str | None, typer.Option(help="IANA zone of all times. Default: that of most campaigns.")]

Reason = Annotated[str, typer.Option(help="Why; kept with it, for those who ask later.")]
Actor = Annotated[str | None, typer.Option(help="Who answers for it, kept as ops:NAME. Default: your user name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
