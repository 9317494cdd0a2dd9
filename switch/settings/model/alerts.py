"""Defines the models of `switch.metrics` and `switch.alerts`: what the monitor serves, and whom it tells of what."""

import re
from typing import Annotated, Any, Self, cast

from pydantic import BeforeValidator, InstanceOf, ValidationInfo, WithJsonSchema, model_validator

from switch.settings import field
from switch.settings.address import HOST_NAME
from switch.settings.model.base import Items, Strict, may, must
from switch.settings.names import Names
from switch.settings.problem import quote
from switch.settings.secret import WAYS, secret_of
from switch.settings.value import Invalid
from switch.sip.digest import Secret

MAX_PORT = 65_535
MAX_RECIPIENTS = 20
SERVER = "a host and a port, such as mail.example.com:587"
MAIL = "a mail address, such as ops@example.com"
MAIL_PATTERN = r"^[^\s@<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,253}$"
URL = "an http:// or https:// URL, {env: NAME} or {file: PATH}"
PERCENT = "whole percent from 1% to 50%"
_HOST = re.compile(rf"(?:[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}|localhost|{HOST_NAME})")


def _server(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not _HOST.fullmatch(host) or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= MAX_PORT:
        raise Invalid(f"bad server {quote(text)}", expected=SERVER)
    return host, int(port)


def _mail(text: str) -> str:
    if not re.fullmatch(MAIL_PATTERN, text) or not text.isascii():
        raise Invalid(f"bad mail address {quote(text)}", expected=MAIL)
    return text


def _percent(text: str) -> int:
    if not (found := re.fullmatch(r"([0-9]{1,2})%", text)) or not 1 <= int(found[1]) <= 50:
        raise Invalid(f"bad percentage {quote(text)}", expected=PERCENT)
    return int(found[1])


def _url(raw: object, info: ValidationInfo) -> Secret:
    """Its key, if it has one, is a secret: what is wrong with it is told without it."""
    directory = cast(Names, info.context).directory
    url = secret_of(field.without_left_out(raw), directory)
    is_kept = directory is None and not url.reveal()
    if not is_kept and not re.fullmatch(r"https?://[^\s/?#@]+(?:[/?#]\S*)?", url.reveal()):
        raise Invalid("this can't be the URL of a webhook", expected=URL)
    return url


_BY_PLACE: dict[str, Any] = {
    "type": "object",
    "properties": {way: {"type": "string"} for way in WAYS},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
Url = Annotated[
    InstanceOf[Secret],
    BeforeValidator(_url),
    WithJsonSchema({"anyOf": [_BY_PLACE, {"type": "string", "pattern": "^https?://"}]}),
]
Server = Annotated[tuple[str, int], field.scalar(_server, SERVER), field.text_schema()]
Mail = Annotated[str, field.scalar(_mail, MAIL), field.text_schema(MAIL_PATTERN)]
Free = Annotated[int, field.scalar(_percent, PERCENT), field.text_schema(r"^[0-9]{1,2}%$")]


class MetricsConfig(Strict):
    """HTTP for Prometheus (/metrics) and for load balancers (/healthz, /readyz)."""

    listen: field.SocketAddress = must("The TCP address that it is served on")


class SmtpConfig(Strict):
    """Mail about alerts."""

    server: Server = must("The mail server: HOST:PORT")
    sender: Mail = must("Whom mails are from")
    to: Annotated[Items[Mail], field.some("mail to nobody", MAIL)] = must(f"Whom they go to, at most {MAX_RECIPIENTS}")
    starttls: field.Truth = may("Encrypted by STARTTLS; the server's certificate must be valid", default="true")
    username: field.Username | None = may("The user name that the server wants; default: no log-in")
    secret: field.SecretText | None = may("Its password: {env: NAME}, {file: PATH}, or in quotes")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.to or ()) > MAX_RECIPIENTS:
            raise Invalid(f"more than {MAX_RECIPIENTS} recipients", hint="make a mailing list", where=("to",))
        if not {"username", "secret"} <= vars(self).keys():
            return self
        if (self.username is None) is not (self.secret is None):
            there = "username" if self.secret is None else "secret"
            raise Invalid("a user name and its password belong together", hint="add the other one", where=(there,))
        if self.secret is not None and self.starttls is False:
            raise Invalid("a password that would be sent in the clear", hint="remove `starttls: false`", where=("starttls",))
        return self


class AlertsConfig(Strict):
    """What people are told of, and how. Changes take no restart."""

    smtp: SmtpConfig | None = may("Mail; default: none is sent")
    webhook: Url | None = may("The URL that JSON is posted to, one request an event; default: none is")
    low_balance: field.Amount | None = may("A prepaid advertiser who has less left is told of; default: none is")
    disk_free: Free = may("How much of its disks the switch should have free", default="10%")
    certificate: field.DaysOf = may("How long before its end a certificate is told of", default="14d")
    near_misses: Annotated[int, field.whole(1, 1_000)] = may(
        "So many calls within an hour that a line ended just short of what is billable, of one publisher, are told of", default="5"
    )
    usual_calls: Annotated[int, field.whole(0, 100_000)] = may(
        "An hour that had at least so many calls in each of the past four weeks is missed when it has none; 0: no hour is",
        default="5",
    )
    calm: field.Duration = may("How long a cause must be gone until it is told to be over", default="5m")
