"""Makes the HTTP answers to refusals: RFC 9457 problem details, each with what to do about it."""

from collections.abc import Mapping

from fastapi.responses import JSONResponse

from switch.billing.actions import Refusal, Refused

MEDIA_TYPE = "application/problem+json"

_STATUS: Mapping[Refusal, int] = {
    Refusal.MALFORMED_KEY: 422,
    Refusal.AMOUNT_OUT_OF_RANGE: 422,
    Refusal.PART_OUT_OF_RANGE: 422,
    Refusal.SOLD_BEFORE: 409,
    Refusal.NO_SUCH_LINE: 422,
    Refusal.WHICH_LINE: 422,
    Refusal.NO_TERMS: 409,
    Refusal.PROBE: 409,
    Refusal.NOT_AGREED: 409,
    Refusal.UNKNOWN_DISPOSITION: 422,
    Refusal.NOTHING_TO_CORRECT: 409,
    Refusal.BELOW_ZERO: 422,
    Refusal.ENTRY_CLOSED: 409,
    Refusal.ILLEGAL_MOVE: 409,
}
"""422: the request is wrong, another may be right. 409: it is at odds with how the call stands."""
_TO_DO: Mapping[Refusal, str] = {
    Refusal.MALFORMED_KEY: "Send a key of 1 to 64 printable ASCII characters, without spaces and slashes.",
    Refusal.AMOUNT_OUT_OF_RANGE: "Send an amount from 0.00 to 1000000.00.",
    Refusal.PART_OUT_OF_RANGE: "Ask the operator: what that disposition is worth is configured wrongly.",
    Refusal.SOLD_BEFORE: "Post a sale for one call only; if it is another sale, name it otherwise.",
    Refusal.NO_SUCH_LINE: "Name a line of yours that was dialled for the call: GET the call to see them.",
    Refusal.WHICH_LINE: "Say which line it is about with `line`.",
    Refusal.NO_TERMS: "Ask the operator: the campaign of that call has no terms any more.",
    Refusal.PROBE: "Nothing: the operator tries its lines by such calls, and nothing is owed for them.",
    Refusal.NOT_AGREED: "Nothing is to be posted for calls of this campaign; if it should be, ask the operator.",
    Refusal.UNKNOWN_DISPOSITION: "Send one of the codes that the campaign knows.",
    Refusal.NOTHING_TO_CORRECT: "Nothing: you owe nothing for this call.",
    Refusal.BELOW_ZERO: "Send an amount that leaves zero or more.",
    Refusal.ENTRY_CLOSED: "GET the call to see how its money stands: what is disputed, upheld or void takes no new amount.",
    Refusal.ILLEGAL_MOVE: "GET the call to see how its money stands: only what is pending, held or approved is disputed.",
}
# These say how the publisher's money stands, which is no business of an advertiser's.
_PRIVATE: Mapping[Refusal, str] = {
    Refusal.ENTRY_CLOSED: "the money of this call takes no new amount",
    Refusal.ILLEGAL_MOVE: "the money of this call can't be disputed as it stands",
}


def problem(
    status: int, code: str, detail: str, *, do: str, headers: Mapping[str, str] | None = None, **more: object
) -> JSONResponse:
    """`code`: one word, the same for the same kind of problem. `do`: what to do about it."""
    told = {
        "type": f"urn:payphone:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": detail,
        "do": do,
        **more,
    }
    return JSONResponse(told, status_code=status, media_type=MEDIA_TYPE, headers=None if headers is None else dict(headers))


def refused(refusal: Refused) -> JSONResponse:
    because = refusal.because
    detail = _PRIVATE.get(because, refusal.detail)
    return problem(_STATUS[because], because.value, detail, do=_TO_DO[because])


def unauthorized() -> JSONResponse:
    """The same whatever was wrong: no header, another scheme, an unknown token."""
    return problem(
        401,
        "unauthorized",
        "this needs an advertiser's token",
        do="Send `Authorization: Bearer TOKEN` with the token that the operator gave you.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def no_such_call() -> JSONResponse:
    return problem(
        404,
        "no_such_call",
        "there is no such call of yours",
        do="Check the id. A call that is in progress is not there yet: try again when it is over.",
    )


def not_recorded() -> JSONResponse:
    """The same whether there is such a call of somebody else, or none."""
    return problem(
        409,
        "not_recorded",
        "no call of this id that is being recorded talks with a line of yours",
        do="Check the id: the header that your line's INVITE has. A recording is paused while your line talks with the caller.",
    )


def no_switch() -> JSONResponse:
    return problem(
        503, "no_switch", "no switch runs beside this API", do="Ask the operator: it is the API of the switch that pauses."
    )


def key_reused(posted_at: str) -> JSONResponse:
    return problem(
        422,
        "key_reused",
        f"something else was posted under this key at {posted_at}",
        do="Send a key of its own with each posting; repeat one only to repeat the same request.",
    )


def unavailable() -> JSONResponse:
    return problem(
        503,
        "ledger_unavailable",
        "the ledger can't be reached; nothing was posted",
        do="Send the same request with the same key again in a moment.",
        headers={"Retry-After": "1"},
    )


def busy() -> JSONResponse:
    return problem(
        503,
        "busy",
        "too many requests are being worked on; nothing was done",
        do="Send the same request with the same key again in a moment.",
        headers={"Retry-After": "1"},
    )


def not_http() -> JSONResponse:
    return problem(
        400, "not_http", "this is no HTTP request, or its head is too large", do="Send HTTP/1.1 with a head of at most 16 KiB."
    )


_ABOUT_STATUS: Mapping[int, tuple[str, str, str]] = {
    404: ("no_such_path", "there is nothing at this path", "See /docs for the paths there are."),
    405: ("no_such_method", "this path does not take this method", "Use a method that the header Allow names, or see /docs."),
}


def of_status(status: int, headers: Mapping[str, str] | None) -> JSONResponse:
    """Returns the problem for a request that the framework refuses by itself."""
    code, detail, do = _ABOUT_STATUS.get(status, ("refused", "the request can't be served", "See /docs for what there is."))
    return problem(status, code, detail, do=do, headers=headers)


def broken() -> JSONResponse:
    """An internal error. Whether a posting was done is not known, so its key is the way to find out."""
    return problem(
        500,
        "broken",
        "the request could not be served: a fault of ours",
        do="Send the same request with the same key again; if it fails again, ask the operator.",
    )
