"""PURE. What people and programs are told of an alert: words for a mail, JSON for a webhook."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from switch.alert_settings import SmtpSettings
from switch.monitor.alerts import AlertEvent, Notice

US_PER_S = 1_000_000
MAX_SUBJECT = 150
_WORDS: Mapping[AlertEvent, str] = {AlertEvent.RAISED: "alert", AlertEvent.WORSE: "worse", AlertEvent.OVER: "over"}


def as_json(notice: Notice, host: str) -> dict[str, Any]:
    """`host`: the machine that the switch runs on."""
    return {
        "event": notice.event.value,
        "kind": notice.kind.value,
        "cause": notice.cause,
        "level": notice.level,
        "text": notice.text,
        "at": _instant(notice.at_us),
        "since": _instant(notice.since_us),
        "host": host,
    }


def as_mail(notice: Notice, host: str, smtp: SmtpSettings) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = smtp.sender
    mail["To"] = ", ".join(smtp.recipients)
    mail["Date"] = datetime.fromtimestamp(notice.at_us / US_PER_S, UTC)
    mail["Subject"] = f"[payphone {_WORDS[notice.event]}] {notice.text}"[:MAX_SUBJECT]
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday message answers it
    since = f"It began at {_instant(notice.since_us)}."
    ended = [f"It is over since {_instant(notice.at_us)}."] if notice.event is AlertEvent.OVER else []
    mail.set_content("\n".join([notice.text, "", since, *ended, f"cause: {notice.cause}", f"host: {host}", ""]))
    return mail


def _instant(utc_us: int) -> str:
    return datetime.fromtimestamp(utc_us // US_PER_S, UTC).isoformat()
