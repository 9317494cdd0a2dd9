"""Certificates that are about to run out are told of once a day, in simulated time."""

from datetime import timedelta

from certificates import Authority
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
    assert told == [[], ["certificate runs out"], [], ["certificate runs out"], ["certificate runs out"]]
