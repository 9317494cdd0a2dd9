"""Knows the bodies that are posted: their keys, and what each may be. Does not know what becomes of them."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from switch.billing.money import micros_from

MAX_REASON = 500
NAME_PATTERN = r"^[!-.0-~]{1,64}$"
AMOUNT_PATTERN = r"^[0-9]{1,7}(\.[0-9]{1,6})?$"
AMOUNT = 'an amount is a decimal in quotes, such as "25.00": at most six places, no sign, no currency; never a JSON number'


def _micros(raw: object) -> int:
    """JSON numbers are refused, whole ones too: what reads them may make floats of them."""
    if isinstance(raw, str) and re.fullmatch(AMOUNT_PATTERN, raw):
        return micros_from(raw)
    raise ValueError(AMOUNT)


def _printable(raw: object) -> object:
    """Operators read it on terminals."""
    if isinstance(raw, str) and not raw.isprintable():
        raise ValueError("only printable characters, on one line")
    return raw


def _schema(schema: dict[str, Any]) -> None:
    schema.clear()
    schema.update(type="string", pattern=AMOUNT_PATTERN, description=AMOUNT, examples=["25.00"])


Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Micros = Annotated[int, BeforeValidator(_micros), Field(json_schema_extra=_schema)]
Reason = Annotated[str, BeforeValidator(_printable), Field(min_length=1, max_length=MAX_REASON)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    key: Name | None = Field(
        default=None,
        description="The posting's own name, if the header Idempotency-Key does not give it. The same again does nothing",
        examples=["sale-4711"],
    )
    line: Name | None = Field(default=None, description="Which of your lines, where several owe for the call")


class Postback(Body):
    """A sale."""

    amount: Micros | None = Field(default=None, description="What you owe for it. Default: the campaign's price")
    sale: Name | None = Field(default=None, description="Your own id of the sale: one sale is not posted for two calls")


class Disposition(Body):
    """How the call went."""

    code: Name = Field(description="One of the codes agreed on for the campaign", examples=["sale"])


class Dispute(Body):
    """You object to what you are charged."""

    reason: Reason = Field(description="Why, for people", examples=["wrong state: the caller lives in Ohio"])
