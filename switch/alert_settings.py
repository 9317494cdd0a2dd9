"""PURE. What a config says of alerts: whom they go to, and from when on something is worth one."""

from dataclasses import dataclass

from switch.sip.digest import Secret

CAP_LEVELS = (75, 90, 100)
"""Percent of a cap's limit that people are told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """Mail. `server`: host and port. `starttls`: encrypted from the greeting on. `username`, `secret`: None: without a log-in."""

    server: tuple[str, int]
    sender: str
    recipients: tuple[str, ...]
    starttls: bool = True
    username: str | None = None
    secret: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """`smtp`, `webhook` (a URL, secret since it may hold a key): None: not told that way.

    `low_balance_micros`: a prepaid advertiser who has less left is told of; None: none is. `disk_free`: percent that a disk should have
    free. `certificate_days`: how long before its end a certificate is told of. `near_misses`: so many within an hour, of one line and
    publisher, are told of. `usual_calls`: an hour that had at least so many in each of the past weeks is missed when it has none; 0: no
    hour is. `calm_ms`: how long a cause must be gone until it is told to be over."""

    smtp: SmtpSettings | None = None
    webhook: Secret | None = None
    low_balance_micros: int | None = None
    disk_free: int = 10
    certificate_days: int = 14
    near_misses: int = 5
    usual_calls: int = 5
    calm_ms: int = 300_000
