"""Sends one notice by mail or webhook, once. How often that is tried is up to `telling`. No secret is in an error's text."""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

import httpx

from switch.alert_settings import AlertSettings, SmtpSettings
from switch.monitor.alerts import Notice
from switch.monitor.messages import as_json, as_mail
from switch.sip.digest import Secret

MAIL_S = 20.0
"""For each answer of the mail server."""
WEBHOOK_S = 10.0


class NotSent(Exception):
    """`why`: for people. `is_final`: another try is in vain."""

    def __init__(self, why: str, *, is_final: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.is_final = is_final


class Way(Protocol):
    """A way to people. `send` raises NotSent."""

    @property
    def name(self) -> str: ...

    async def send(self, notice: Notice) -> None: ...


def ways_of(settings: AlertSettings, *, context: Callable[[], ssl.SSLContext] = ssl.create_default_context) -> tuple[Way, ...]:
    """Returns the ways that the config has. `context`: whose certificates are trusted."""
    host = socket.gethostname()
    mail = () if settings.smtp is None else (Mail(settings.smtp, host, context),)
    webhook = () if settings.webhook is None else (Webhook(settings.webhook, host, context),)
    return (*mail, *webhook)


class Mail:
    """By SMTP (RFC 5321), with STARTTLS (RFC 3207) and a log-in (RFC 4954) where the config has them."""

    name = "mail"

    def __init__(self, settings: SmtpSettings, host: str, context: Callable[[], ssl.SSLContext]) -> None:
        self._settings = settings
        self._host = host
        self._context = context

    async def send(self, notice: Notice) -> None:
        await asyncio.to_thread(self._send, notice)

    def _send(self, notice: Notice) -> None:
        said = self._settings
        try:
            with smtplib.SMTP(*said.server, timeout=MAIL_S) as server:
                if said.starttls:
                    server.starttls(context=self._context())
                if said.username is not None and said.secret is not None:
                    server.login(said.username, said.secret.reveal())
                server.send_message(as_mail(notice, self._host, said))
        except smtplib.SMTPAuthenticationError as error:  # its text may repeat what was sent
            raise NotSent(f"the server refuses the log-in with {error.smtp_code}", is_final=True) from None
        except smtplib.SMTPNotSupportedError as error:
            raise NotSent(f"the server can't do what is asked: {error}", is_final=True) from error
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            raise NotSent(
                why=f"the server refuses all recipients with {', '.join(map(str, codes))}", is_final=min(codes) >= 500
            ) from error
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"the server answers {error.smtp_code}", is_final=error.smtp_code >= 500) from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(f"{said.server[0]}:{said.server[1]}: {error}") from error


class Webhook:
    """JSON by POST. 2xx is a yes; 408, 429 and 5xx may be one later. No redirect is followed."""

    name = "webhook"

    def __init__(self, url: Secret, host: str, context: Callable[[], ssl.SSLContext]) -> None:
        self._url = url
        self._host = host
        self._context = context

    async def send(self, notice: Notice) -> None:
        url = self._url.reveal()
        verify = self._context() if url.startswith("https:") else False
        try:
            async with (
                asyncio.timeout(WEBHOOK_S),
                httpx.AsyncClient(verify=verify, trust_env=False, timeout=WEBHOOK_S) as client,
                client.stream("POST", url, json=as_json(notice, self._host)) as answer,  # its body is nobody's business
            ):
                code = answer.status_code
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
            raise NotSent("the URL can't be used", is_final=True) from None
        except (httpx.HTTPError, OSError) as error:  # its text may name the URL
            raise NotSent(f"no answer: {type(error).__name__}") from None
        except TimeoutError:
            raise NotSent(f"no answer within {WEBHOOK_S:g} s") from None
        if not 200 <= code < 300:
            raise NotSent(f"the answer is {code}", is_final=code < 500 and code not in (408, 429))
