"""What people type to say which calls they mean, as a filter of the ledger."""

from routing.geo import to_e164
from routing.zone import Zone
from switch.cli.common import fail
from switch.ledger.reading import ANONYMOUS, CallFilter
from switch.period import BadInstant, clock_of, parse_period


def call_filter(
    *,
    publisher: str | None,
    campaign: str | None,
    line: str | None,
    number: str | None,
    caller: str | None,
    since: str | None,
    until: str | None,
    zone: str,
    state: str | None = None,
    recorded: bool = False,
) -> tuple[CallFilter, Zone]:
    """Returns the filter, and the clock of what is shown; exit 1 where a time or the zone is none. Texts are as they were typed."""
    try:
        clock = clock_of(zone)
        period = parse_period(since, until, zone=zone, options=("--since", "--until"))
    except BadInstant as error:
        fail(str(error))
    wanted = CallFilter(
        publisher=publisher,
        campaign=campaign,
        line=line,
        state=state,
        number=None if number is None else to_e164(number),
        caller=None if caller is None else _caller(caller),
        since_us=period.from_us if period.has_start else None,
        until_us=period.to_us if period.has_end else None,
        recorded=recorded,
    )
    return wanted, clock


def _caller(text: str) -> str:
    return ANONYMOUS if text.strip().lower() == ANONYMOUS else to_e164(text)
