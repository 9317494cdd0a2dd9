"""Certificates that are about to run out are told of once a day, none that is not valid takes the place of one that is, and keys with a
password are refused."""

import ssl
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
from certificates import Authority
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from switch.certificate_dates import WARN_DAYS
from switch.deployment import TlsSettings
from switch.transport.certificates import Certificates, utc_now


def test_one_that_runs_out_soon_is_told_of_once_a_day(authority: Authority) -> None:
    certificate, key = authority.certificate(["sip.example.com"], days=100)
    times = [utc_now()]
    settings = TlsSettings(certificate=certificate, key=key, ca=None, verify_lines=True, verify_callers=False)
    held = Certificates(settings, now=lambda: times[-1])
    limit = held.ends - timedelta(days=WARN_DAYS)
    told = []
    for at in (limit - timedelta(seconds=1), limit, limit, limit + timedelta(days=1), held.ends + timedelta(days=1)):
        times.append(at)
        with capture_logs() as logs:
            held.refresh()
        told.append([each["event"] for each in logs])
    assert told == [[], ["certificate runs out"], [], ["certificate runs out"], ["certificate has run out"]]


@pytest.mark.parametrize(
    ("present", "fresh", "is_taken"),
    [
        ((-30, 100), (-30, 200), True),
        ((-30, 100), (-30, -1), False),
        ((-30, 100), (1, 200), False),
        ((-30, -1), (-30, -2), True),
        ((-30, -1), (1, 200), True),
        ((-30, -1), (-30, 200), True),
    ],
    ids=["valid", "run out", "not yet valid", "both run out", "the old one run out", "renewed at last"],
)
def test_one_that_is_not_valid_does_not_take_the_place_of_one_that_is(
    authority: Authority,
    present: tuple[int, int],
    fresh: tuple[int, int],
    is_taken: bool,  # noqa: FBT001 a column of the table
) -> None:
    certificate, key = authority.certificate(["sip.example.com"], begins=present[0], days=present[1])
    held = Certificates(TlsSettings(certificate=certificate, key=key, ca=None, verify_lines=True, verify_callers=False))
    server, ends = held.server(), held.ends
    further, further_key = authority.certificate(["sip.example.com"], begins=fresh[0], days=fresh[1])
    further.rename(certificate)
    further_key.rename(key)
    with capture_logs() as logs:
        held.refresh()
    assert (held.server() is not server) is is_taken
    assert (held.ends != ends) is is_taken
    assert logs[0]["event"] == ("certificate read" if is_taken else "certificate refused: the old one stays")


def of_no_version(certificate: bytes) -> bytes:
    """X.509 has versions up to 3."""
    der = ssl.PEM_cert_to_DER_cert(certificate.decode())
    return ssl.DER_cert_to_PEM_cert(der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)).encode()


@pytest.mark.parametrize("spoil", [lambda _: b"", lambda pem: pem[:100], of_no_version], ids=["empty", "half", "of no version"])
def test_one_that_can_not_be_read_leaves_the_old_one(authority: Authority, spoil: Callable[[bytes], bytes]) -> None:
    certificate, key = authority.certificate(["sip.example.com"])
    held = Certificates(TlsSettings(certificate=certificate, key=key, ca=None, verify_lines=True, verify_callers=False))
    server = held.server()
    spoilt = certificate.with_suffix(".new")
    spoilt.write_bytes(spoil(certificate.read_bytes()))
    spoilt.rename(certificate)
    with capture_logs() as logs:
        held.refresh()
    assert logs[0]["event"] == "certificate refused: the old one stays"
    assert held.server() is server


LOADS = """
from pathlib import Path
from sys import argv
from switch.deployment import TlsSettings
from switch.transport.certificates import Certificates
settings = TlsSettings(certificate=Path(argv[1]), key=Path(argv[2]), ca=None, verify_lines=True, verify_callers=False)
try:
    Certificates(settings)
except OSError:
    print("refused")
"""


def test_nobody_is_asked_for_the_password_of_a_key(authority: Authority) -> None:
    """OpenSSL would ask the terminal, or who is at stdin, and all calls would wait for the answer."""
    certificate, key = authority.certificate(["sip.example.com"])
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key.write_bytes(private.private_bytes(pem, form, serialization.BestAvailableEncryption(b"secret")))
    command = [sys.executable, "-c", LOADS, str(certificate), str(key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            process.wait(timeout=30)
        finally:
            process.kill()
        assert process.stdout is not None
        assert process.stdout.read() == b"refused\n"
