"""Defines what is sent to the API: bodies, their keys and values; and queries. Every refusal is worded here, not by the libraries.

JSON is read strictly, at every depth: a key that is there twice would let the last one win, on a route where money is posted.
"""

import json
import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, NoReturn

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from switch.api.postings import MAX_REASON
from switch.api.problem import problem
from switch.billing.money import micros_from

MAX_DEPTH = 4
"""Objects and lists within one another. Bodies have one."""
MAX_NUMBER_CHARS = 32
NAME_PATTERN = r"^[!-.0-~]{1,64}$"
NAME = "must be 1 to 64 printable ASCII characters, without spaces and slashes"
AMOUNT_PATTERN = r"^[0-9]{1,7}(\.[0-9]{1,6})?$"
AMOUNT = 'an amount is a decimal in quotes, such as "25.00": at most six places, no sign, no currency; never a JSON number'
REASON = f"must be 1 to {MAX_REASON} printable characters, on one line"


def _micros(raw: object) -> int:
    """JSON numbers are refused, whole ones too: what reads them may make floats of them."""
    if isinstance(raw, str) and re.fullmatch(AMOUNT_PATTERN, raw):
        return micros_from(raw)
    raise ValueError(AMOUNT)


def _name(raw: object) -> str | None:
    if raw is None or (isinstance(raw, str) and re.fullmatch(NAME_PATTERN, raw)):
        return raw
    raise ValueError(NAME)


def _printable(raw: object) -> object:
    """Operators read it on terminals."""
    if isinstance(raw, str) and raw.isprintable() and 0 < len(raw) <= MAX_REASON:
        return raw
    raise ValueError(REASON)


def _schema(schema: dict[str, Any]) -> None:
    schema.clear()
    schema.update(type="string", pattern=AMOUNT_PATTERN, description=AMOUNT, examples=["25.00"])


Name = Annotated[str, BeforeValidator(_name), Field(pattern=NAME_PATTERN)]
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


class RecordingPause(BaseModel):
    """The recording of a call in progress is paused, or goes on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    paused: bool = Field(description="false: it goes on", examples=[True])


_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "there is no such key",
    "model_attributes_type": "must be a JSON object",
}


def what_is_wrong(kind: str, context: Mapping[str, Any]) -> str:
    """Returns the message for an error of pydantic's, given its `kind` and `context`."""
    return str(context.get("error", "")) if kind == "value_error" else _WORDS.get(kind, "is not what belongs here")


class StrictRoute(APIRoute):
    """A route that looks at the text of a request before the framework reads it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            found = _twice(request)
            if found is None and self.body_field is not None:
                found = _media_fault(request) or json_fault(await request.body())
            return await handler(request) if found is None else found

        return strict


def _twice(request: Request) -> JSONResponse | None:
    """A header or a parameter that is there twice: one would have to be passed over."""
    names = [name for name, _ in request.query_params.multi_items()]
    names += [name for name in ("Idempotency-Key", "Content-Type") for _ in request.headers.getlist(name)]
    again = next((name for name in names if names.count(name) > 1), None)
    if again is None:
        return None
    return problem(422, "given_twice", f"{_shown(again)} is there more than once", do="Send it once.")


def _media_fault(request: Request) -> JSONResponse | None:
    media, _, rest = request.headers.get("content-type", "").lower().partition(";")
    charset = re.search(r'charset="?([^";\s]*)', rest)
    if media.strip() != "application/json" or (charset is not None and charset[1] not in {"utf-8", "utf8", "us-ascii"}):
        do = "Send JSON in UTF-8 with the header Content-Type: application/json."
        return problem(415, "not_json_type", "the body is not said to be JSON", do=do, headers={"Accept": "application/json"})
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        do = "Send it without Content-Encoding."
        return problem(415, "encoded", "the body is compressed", do=do, headers={"Accept-Encoding": "identity"})
    return None


class _Fault(Exception):
    """`status`, `code` and `detail` of a problem."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code = status, code


def json_fault(body: bytes) -> JSONResponse | None:
    """Why the body is no JSON that is taken: 400 for what is no JSON (RFC 8259), 422 for JSON that can be misread. None: it is fine."""
    try:
        _read(body)
    except _Fault as fault:
        return problem(fault.status, fault.code, str(fault), do="Send one JSON object, in UTF-8, as /docs says.")
    return None


def _read(body: bytes) -> None:
    if not body.strip():
        raise _Fault(400, "not_json", "the body is empty")
    if body.startswith(b"\xef\xbb\xbf"):
        raise _Fault(400, "not_json", "the body begins with a byte order mark")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _Fault(400, "not_json", "the body is not UTF-8") from None
    if _depth(text) > MAX_DEPTH:
        raise _Fault(422, "too_deep", f"objects and lists lie more than {MAX_DEPTH} deep in one another")
    try:
        json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_bounded, parse_float=_bounded)
    except json.JSONDecodeError as error:
        what = "something follows the JSON" if error.msg == "Extra data" else "this is no JSON"
        raise _Fault(400, "not_json", f"{what}, at line {error.lineno}, column {error.colno}") from None


def _depth(text: str) -> int:
    """How many objects and lists are open at a time, at most. Counted before the text is read: reading recurses."""
    deepest = depth = 0
    for bracket in re.findall(r"[\[{}\]]", re.sub(r'"(?:[^"\\]|\\.)*+"', "", text, flags=re.DOTALL)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        again = next(name for name in names if names.count(name) > 1)
        raise _Fault(422, "given_twice", f"the key {_shown(again)} is there more than once")
    return dict(pairs)


def _no_constant(word: str) -> NoReturn:
    raise _Fault(400, "not_json", f"{word} is no JSON")


def _bounded(number: str) -> str:
    if len(number) > MAX_NUMBER_CHARS or int(re.sub(r"^[^eE]*[eE]?[+-]?", "", number) or 0) > MAX_NUMBER_CHARS:
        raise _Fault(422, "number_out_of_range", f"a number has more than {MAX_NUMBER_CHARS} digits")
    return number


def _shown(name: str) -> str:
    """A name that somebody sent, in a sentence."""
    return json.dumps(name[:64])
