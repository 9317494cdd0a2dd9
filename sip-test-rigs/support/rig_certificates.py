"""Makes the certificates of a rig, by an authority of its own, for a day: nothing of it is kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from certificates import Authority
from rig_folder import Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one party of a TLS connection has: the authority that it trusts, and its own certificate, if any."""

    ca: Path
    certificate: Path | None = None
    key: Path | None = None


class Certificates:
    """The files of a rig, in `folder`: `ca.pem`, `unknown.pem`, and NAME.pem and NAME.key of each certificate."""

    def __init__(self, folder: Path, wanted: Iterable[Certificate]) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        authorities = {unknown: Authority(folder, "unknown" if unknown else "ca") for unknown in (False, True)}
        self._names = set()
        for each in wanted:
            certificate, key = authorities[each.unknown].certificate(list(each.names), days=each.days)
            certificate.rename(folder / f"{each.name}.pem")
            key.rename(folder / f"{each.name}.key")
            self._names.add(each.name)

    def of(self, party: str) -> Shown:
        """Returns what `party` has; one for whom the rig has no certificate shows none."""
        folder = self._folder
        if party not in self._names:
            return Shown(ca=folder / "ca.pem")
        return Shown(ca=folder / "ca.pem", certificate=folder / f"{party}.pem", key=folder / f"{party}.key")
