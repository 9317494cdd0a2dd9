"""Keeps the TLS contexts of a switch: TLS 1.2 or newer, our certificate on both sides, and whose certificates are verified.

A context is made anew when its files change. New connections take the new one; those that are there keep theirs.
"""

import ssl
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import structlog

from switch.certificate_dates import WARN_DAYS, validity
from switch.deployment import TlsSettings
from switch.engine.clock import SystemClock

_log = structlog.get_logger("payphone")
_Stamps = tuple[tuple[int, int], ...]


def utc_now() -> datetime:
    return datetime.fromtimestamp(SystemClock().now().utc_us / 1_000_000, UTC)


class Certificates:
    """`server` and `client` return the present contexts. Raises OSError (ssl.SSLError) when the files can't be used at first.

    `begins`, `ends`: from when to when the present certificate is valid. `now()`: in UTC."""

    def __init__(self, settings: TlsSettings, *, now: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._now = now
        self._warned: date | None = None
        self._files = tuple(path for path in (settings.certificate, settings.key, settings.ca) if path is not None)
        self._stamps = self._read_stamps()
        self._server, self._client = self._make()
        self.begins, self.ends = self._read_dates()

    @property
    def file(self) -> Path:
        return self._settings.certificate

    def server(self) -> ssl.SSLContext:
        return self._server

    def client(self) -> ssl.SSLContext:
        return self._client

    def refresh(self) -> None:
        """Reads the files anew if one has changed. What can't be used is logged, and the old ones stay; so is a certificate that is not
        valid now in the place of one that is. One that is about to run out, or has, is told of once a day."""
        stamps = self._read_stamps()
        if stamps != self._stamps:
            self._stamps = stamps
            self._read_again()
        now = self._now()
        if self.ends - now <= timedelta(days=WARN_DAYS) and self._warned != now.date():
            self._warned = now.date()
            tell, what = (_log.warning, "certificate runs out") if now < self.ends else (_log.error, "certificate has run out")
            tell(what, certificate=str(self._settings.certificate), on=f"{self.ends:%Y-%m-%d %H:%M} UTC")

    def _read_again(self) -> None:
        try:
            begins, ends = self._read_dates()
            now = self._now()
            if self.begins <= now < self.ends and not begins <= now < ends:
                raise OSError(f"it is valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC")
            self._server, self._client = self._make()
            self.begins, self.ends = begins, ends
        except OSError as error:
            _log.error("certificate refused: the old one stays", certificate=str(self._settings.certificate), why=str(error))
        else:
            _log.info("certificate read", certificate=str(self._settings.certificate))

    def _read_stamps(self) -> _Stamps:
        return tuple(_stamp(path) for path in self._files)

    def _read_dates(self) -> tuple[datetime, datetime]:
        dates = validity(self._settings.certificate)
        if dates is None:
            raise OSError(f"no certificate in {self._settings.certificate}")
        return dates

    def _make(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        settings = self._settings
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for context in (server, client):
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(settings.certificate, settings.key, password="")  # else OpenSSL asks the terminal for one
            if settings.ca is None:
                context.load_default_certs(ssl.Purpose.SERVER_AUTH if context is client else ssl.Purpose.CLIENT_AUTH)
            else:
                context.load_verify_locations(settings.ca)
        if settings.verify_callers:
            server.verify_mode = ssl.CERT_REQUIRED
        if not settings.verify_lines:
            client.check_hostname = False
            client.verify_mode = ssl.CERT_NONE
        return server, client


def _stamp(path: Path) -> tuple[int, int]:
    """Returns what changes with a file: when it was written and which one it is. A link that leads to another file is another file."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return found.st_mtime_ns, found.st_ino
