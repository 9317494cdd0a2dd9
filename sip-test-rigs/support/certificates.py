"""Makes certificates for tests: an authority of its own, and what it signs."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey


class Authority:
    """`root`: the file of its own certificate. Files go into `folder`."""

    def __init__(self, folder: Path, name: str = "root") -> None:
        self._folder = folder
        self._numbers = count(1)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.root = folder / f"{name}.pem"
        signed = self._signed(self._name, self._key, days=3_650, further=x509.BasicConstraints(ca=True, path_length=None))
        self.root.write_bytes(signed)

    def certificate(self, names: list[str], *, days: int = 365, begins: int = -30) -> tuple[Path, Path]:
        """The files of a certificate for host names and addresses, and of its key. `begins`, `days`: when it begins to be valid and
        ends to be, in days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_general(name) for name in names])
        stem = f"certificate-{next(self._numbers)}"
        certificate, key_file = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        certificate.write_bytes(self._signed(x509.Name([]), key, begins=begins, days=days, further=alternatives))
        key_file.touch(mode=0o600)
        key_file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return certificate, key_file

    def _signed(self, subject: x509.Name, key: Key, *, days: int, begins: int = -30, further: x509.ExtensionType) -> bytes:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=-begins))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(further, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
