"""Reads when a certificate begins to be valid and when it runs out. Whether it can be used otherwise is for TLS to say."""

from datetime import datetime
from pathlib import Path

WARN_DAYS = 14
"""A certificate that runs out within so many days is warned of: by then a client that renews it by itself has failed for some time."""


def validity(certificate: Path) -> tuple[datetime, datetime] | None:
    """Returns begin and end, in UTC, of the first certificate in a file, or None: it has none in PEM that can be read. Raises OSError."""
    from cryptography import x509  # noqa: PLC0415 it takes a twentieth of a second, which only a config with TLS pays

    try:
        found = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    except (ValueError, x509.InvalidVersion):
        return None
    return found.not_valid_before_utc, found.not_valid_after_utc
