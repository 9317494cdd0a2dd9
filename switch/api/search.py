"""Parses the query of `GET /v1/calls`, by which an advertiser finds calls, so that a sale can be posted for one whose id is not known.

There is no filter by number or publisher: who sent a call is no business of an advertiser's, and a filter would tell.
"""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from switch.api.body import Name
from switch.call.record import CallRecord, Outcome
from switch.ledger.reading import AdvertiserCalls

DAY_US = 86_400_000_000
DEFAULT_DAYS = 31
MAX_CALLS = 200
"""On a page."""
DEFAULT_CALLS = 50
E164_PATTERN = r"^\+[1-9][0-9]{6,14}$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CALLER = "must be an E.164 number such as +12125550199; in a URL, + is written %2B"
TIME = "must be a time with its offset from UTC, such as 2026-11-28T09:00:00-05:00 or ...Z; in a URL, + is written %2B"
ORDER = "must be later than `from`; it is not included itself"
LIMIT = f"must be a whole number from 1 to {MAX_CALLS}"
OUTCOME = f"must be one of {', '.join(outcome.value for outcome in Outcome)}"
CURSOR = "must be `next` of the page before"


def _caller(raw: object) -> object:
    if isinstance(raw, str) and re.fullmatch(E164_PATTERN, raw):
        return raw
    raise ValueError(CALLER)


def _time_us(raw: object) -> int:
    """UTC microseconds. A time without an offset is refused: whose zone it is in is not known."""
    try:
        told = datetime.fromisoformat(str(raw))
        if told.tzinfo is None or not str(raw).isascii():
            raise ValueError(TIME)
        return (told - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise ValueError(TIME) from None


def _limit(raw: object) -> int:
    if isinstance(raw, str) and re.fullmatch("[0-9]{1,4}", raw) and 1 <= int(raw) <= MAX_CALLS:
        return int(raw)
    raise ValueError(LIMIT)


def _outcome(raw: object) -> Outcome:
    if isinstance(raw, str) and raw in set(Outcome):
        return Outcome(raw)
    raise ValueError(OUTCOME)


def _cursor(raw: object) -> tuple[int, str]:
    try:
        invited_us, _, call_id = urlsafe_b64decode(str(raw).encode()).decode().partition(" ")
        if not re.fullmatch("[0-9]{1,18}", invited_us):
            raise ValueError(CURSOR)
        return int(invited_us), call_id
    except (ValueError, binascii.Error):
        raise ValueError(CURSOR) from None


def cursor_of(last: CallRecord) -> str:
    """Returns the cursor of the page behind `last`."""
    return urlsafe_b64encode(f"{last.invited_us} {last.call_id}".encode()).decode()


def _text(pattern: str | None = None) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern} if pattern else {"type": "string"}


Caller = Annotated[str, BeforeValidator(_caller, json_schema_input_type=str), Field(pattern=E164_PATTERN)]
TimeUs = Annotated[int, BeforeValidator(_time_us, json_schema_input_type=str)]
Limit = Annotated[int, BeforeValidator(_limit)]
OutcomeName = Annotated[Outcome, BeforeValidator(_outcome)]
Cursor = Annotated[tuple[int, str], BeforeValidator(_cursor, json_schema_input_type=str)]


class CallQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    caller: Caller | None = Field(default=None, description=f"The caller's number. It {CALLER}")
    from_us: TimeUs | None = Field(
        default=None, alias="from", description=f"Invited then or later. It {TIME}. Default: {DEFAULT_DAYS} days before `to`"
    )
    to_us: TimeUs | None = Field(default=None, alias="to", description="Invited before then. Default: now")
    campaign: Name | None = Field(default=None, description="The campaign that a line of yours was dialled for")
    line: Name | None = Field(default=None, description="The line of yours that was dialled")
    outcome: OutcomeName | None = Field(default=None, description="How dialling it went")
    limit: Limit = Field(default=DEFAULT_CALLS, description=f"Calls on a page, at most {MAX_CALLS}")
    cursor: Cursor | None = Field(default=None, description="`next` of the page before, with the same query")

    @field_validator("to_us")
    @classmethod
    def _later(cls, to_us: int | None, info: ValidationInfo) -> int | None:
        from_us = info.data.get("from_us")
        if to_us is not None and from_us is not None and to_us <= from_us:
            raise ValueError(ORDER)
        return to_us

    def search(self, advertiser: str, *, now_us: int) -> AdvertiserCalls:
        """Returns the query to the ledger, at the time `now_us`."""
        to_us = now_us if self.to_us is None else self.to_us
        return AdvertiserCalls(
            advertiser=advertiser,
            from_us=to_us - DEFAULT_DAYS * DAY_US if self.from_us is None else self.from_us,
            to_us=to_us,
            caller=self.caller,
            campaign=self.campaign,
            line=self.line,
            outcome=self.outcome,
            before=self.cursor,
        )
