"""Zone directories made up for tests: whatever version, zones that keep one POSIX rule (RFC 9636), such as `<+05>-5`."""

import struct
from collections.abc import Mapping
from pathlib import Path


def tzif(rule: str) -> bytes:
    """A file of version 2 without a single transition: its rule, in the footer, holds for all time."""
    block = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + struct.pack(">lbb", 0, 0, 0) + b"UTC\0"
    return block + block + f"\n{rule}\n".encode()


def zone_directory(directory: Path, zones: Mapping[str, str], *, version: str | None = None) -> Path:
    """`zones`: rules by name; UTC is always there. `version`: None for an OS that does not say."""
    for name, rule in {"UTC": "UTC0", **zones}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tzif(rule))
    if version is not None:
        (directory / "tzdata.zi").write_text(f"# version {version}\n# This zic input file is in the public domain.\n")
    return directory
