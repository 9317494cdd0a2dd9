"""Checks the certificate and key of TLS: that they can be used, belong together, and are valid now and for a while."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from switch.engine.clock import SystemClock
from switch.settings.finding import Finding, warning
from switch.settings.source import KeyPath
from switch.settings.value import Invalid

WARN_DAYS = 30
"""A certificate that runs out within so many days is warned of."""
_TLS: KeyPath = ("switch", "sip", "tls")


def doubts_of(certificate: Path, key: Path, *, now: datetime | None = None) -> Iterator[Finding]:
    """Yields what is wrong with two files that are there. `now`: in UTC; None: the clock's."""
    from cryptography import x509  # noqa: PLC0415 it takes a twentieth of a second, which only a config with TLS pays

    now = now or datetime.fromtimestamp(SystemClock().now().utc_us / 1_000_000, UTC)
    try:
        found = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    except (OSError, ValueError):
        yield Finding((*_TLS, "certificate"), Invalid("no certificate in PEM", expected="-----BEGIN CERTIFICATE-----"))
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        what = "the key is not that of the certificate" if error.reason == "KEY_VALUES_MISMATCH" else "no private key in PEM"
        yield Finding((*_TLS, "key"), Invalid(what, hint="it must stand in the file without a password"))
        return
    end = found.not_valid_after_utc
    hint = "renew it: the switch reads the new files without a restart"
    if end <= now:
        yield Finding((*_TLS, "certificate"), Invalid(f"the certificate ran out on {end.date()}", hint=hint))
    elif found.not_valid_before_utc > now:
        yield Finding((*_TLS, "certificate"), Invalid(f"the certificate is valid from {found.not_valid_before_utc.date()} on"))
    elif end <= now + timedelta(days=WARN_DAYS):
        yield warning((*_TLS, "certificate"), f"the certificate runs out on {end.date()}", hint=hint)
