"""Checks the certificates and keys of TLS: that they can be used, belong together, and are valid now and for a while."""

import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from switch.certificate_dates import WARN_DAYS, validity
from switch.engine.clock import SystemClock
from switch.settings.field import Verified
from switch.settings.finding import Finding, warning
from switch.settings.model.switch import ListenerConfig, SipConfig, TlsConfig
from switch.settings.source import KeyPath
from switch.settings.value import Invalid

PEM = "-----BEGIN CERTIFICATE-----"
_SIP: KeyPath = ("switch", "sip")


def doubts(sip: SipConfig, directory: Path, *, now: datetime | None = None) -> Iterator[Finding]:
    """Yields what is wrong with the files of a config, which are there, relative to `directory`. `now`: in UTC; None: the clock's."""
    now = now or datetime.fromtimestamp(SystemClock().now().utc_us / 1_000_000, UTC)
    blocks: list[tuple[KeyPath, TlsConfig | ListenerConfig]] = []
    if sip.tls is not None:
        blocks.append(((*_SIP, "tls"), sip.tls))
    blocks += [((*_SIP, "listen", index), listener) for index, listener in enumerate(sip.listen or ())]
    for path, block in blocks:
        if block.certificate and block.key:
            yield from _of_pair(path, directory / block.certificate, directory / block.key, now=now)
        if block.ca:
            yield from _of_authorities(path, directory / block.ca)
        if block.verify is Verified.EVERYONE and not (block.ca or (sip.tls and sip.tls.ca)):
            hint = "add `ca: FILE`, the certificate of the authority that signs for your carriers"
            yield warning((*path, "verify"), "callers may show a certificate of any authority that the system trusts", hint=hint)


def _of_pair(path: KeyPath, certificate: Path, key: Path, *, now: datetime) -> Iterator[Finding]:
    for name, file in (("certificate", certificate), ("key", key)):
        if (unreadable := _unreadable(file)) is not None:
            yield Finding((*path, name), unreadable)
            return
    if (dates := validity(certificate)) is None:
        yield Finding((*path, "certificate"), Invalid("no certificate in PEM", expected=PEM))
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        what = "the key is not that of the certificate" if error.reason == "KEY_VALUES_MISMATCH" else "no private key in PEM"
        yield Finding((*path, "key"), Invalid(what, hint="it must stand in the file without a password"))
        return
    if key.stat().st_mode & stat.S_IROTH:
        yield warning((*path, "key"), "every user of this machine can read the key", hint=f"chmod o-r {key}")
    yield from _of_dates((*path, "certificate"), *dates, now=now)


def _of_dates(path: KeyPath, begin: datetime, end: datetime, *, now: datetime) -> Iterator[Finding]:
    """A config with such a certificate is in force all the same: prices and UDP trunks have nothing to do with it."""
    hint = "renew it: the switch reads the new files without a restart"
    if end <= now:
        what = f"the certificate ran out on {end.date()}: whoever verifies it makes no TLS connection with us"
        yield warning(path, what, hint=hint)
    elif begin > now:
        clock = f"it is {now:%Y-%m-%d %H:%M} UTC by the clock of this machine"
        yield warning(path, f"the certificate is valid from {begin:%Y-%m-%d %H:%M} UTC on, and not yet", hint=clock)
    elif end <= now + timedelta(days=WARN_DAYS):
        yield warning(path, f"the certificate runs out on {end.date()}", hint=hint)


def _of_authorities(path: KeyPath, file: Path) -> Iterator[Finding]:
    found = _unreadable(file)
    if found is None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except ssl.SSLError:
            found = Invalid("no certificate in PEM", expected=PEM)
    if found is not None:
        yield Finding((*path, "ca"), found)


def _unreadable(file: Path) -> Invalid | None:
    try:
        file.read_bytes()
    except OSError as error:
        hint = f"the user that the switch runs as must be able to read it: {file}"
        return Invalid(f"the file can't be read: {error.strerror}", hint=hint)
    return None
