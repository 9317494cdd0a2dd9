"""The file of one prepared prompt: a header, then its payloads, by codec. Written as a whole, mapped into memory by who plays it.

`PAYPROMP`, the header's length in four octets (big-endian), the header in msgpack, the payloads. A codec more is an entry more.
"""

import mmap
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import msgspec

from media.prompts.prompt import Doubt
from switch.codec import Codec

LAWS: dict[str, int] = {"PCMU": Codec.PCMU, "PCMA": Codec.PCMA}
MAGIC = b"PAYPROMP"
FRAME_MS = 20
MAX_HEADER_BYTES = 65_536
_START = struct.Struct("!8sI")


def prepared_name(key: str) -> str:
    """The name of the file of a source's key."""
    return f"{key}.prompt"


class BadPrompt(Exception):
    """The file is none, or was damaged; the reason in words."""


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """Where one codec's frames lie behind the header, one after the other: `frame_octets` for each 20 ms. `crc32` is of all of them."""

    offset: int
    octets: int
    frame_octets: int
    crc32: int


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """`frames`: how many of 20 ms. `payloads`: by codec, `PCMU` and `PCMA` at least."""

    frames: int
    payloads: dict[str, Payload]
    doubts: tuple[Doubt, ...] = ()

    @property
    def length_ms(self) -> int:
        return self.frames * FRAME_MS


class PreparedPrompt:
    """A prompt in memory that the kernel reads from the file as it is needed. It stays when the file is removed."""

    __slots__ = ("_whole", "header")

    def __init__(self, header: Header, whole: memoryview) -> None:
        self.header = header
        self._whole = whole

    def payload(self, codec: str) -> memoryview:
        """All frames. KeyError where it was not prepared for this codec."""
        place = self.header.payloads[codec]
        return self._whole[place.offset : place.offset + place.octets]

    def is_sound(self) -> bool:
        """Whether every octet is as it was written."""
        return all(zlib.crc32(self.payload(codec)) == place.crc32 for codec, place in self.header.payloads.items())


_decode = msgspec.msgpack.Decoder(Header).decode


def write_prepared(path: Path, *, payloads: dict[str, bytes], frames: int, doubts: tuple[Doubt, ...]) -> None:
    """Writes all of it or nothing, and does not return before it is on the disk. OSError where it can't."""
    offset, places = 0, {}
    for codec, octets in payloads.items():
        places[codec] = Payload(offset=offset, octets=len(octets), frame_octets=len(octets) // frames, crc32=zlib.crc32(octets))
        offset += len(octets)
    header = msgspec.msgpack.encode(Header(frames=frames, payloads=places, doubts=doubts))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(_START.pack(MAGIC, len(header)))
            file.write(header)
            file.writelines(payloads.values())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _at_once(path: str, flags: int) -> int:
    """A pipe in its place is not waited for."""
    return os.open(path, flags | os.O_NONBLOCK)


def open_prepared(path: Path) -> PreparedPrompt:
    """Maps a file: its size is looked at, none of its audio is read. OSError where it can't be opened, BadPrompt where it is none."""
    with open(path, "rb", opener=_at_once) as file:
        size = os.fstat(file.fileno()).st_size
        if size < _START.size:
            raise BadPrompt("too short")
        whole = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    magic, length = _START.unpack_from(whole)
    if magic != MAGIC or length > MAX_HEADER_BYTES:
        raise BadPrompt("no prepared prompt")
    start = _START.size + length
    try:
        header = _decode(whole[_START.size : start])
    except msgspec.MsgspecError as error:
        raise BadPrompt("its header can't be read") from error
    sizes = [
        (place.offset + place.octets, place.frame_octets * header.frames == place.octets) for place in header.payloads.values()
    ]
    if header.frames < 1 or not sizes or max(end for end, _ in sizes) != size - start or not all(fits for _, fits in sizes):
        raise BadPrompt("it breaks off")
    whole.madvise(mmap.MADV_WILLNEED)
    return PreparedPrompt(header, memoryview(whole)[start:])
