"""Makes an Opus file in Ogg (RFC 7845) of a WAV file that is complete, by libsndfile. Blocks for about a hundredth of the time it lasts."""

import os
from pathlib import Path

from media.recorder.wav_file import MODE

SUFFIX = ".opus"
PART = ".part.opus"
BLOCK_FRAMES = 80_000


def encode_opus(wav: Path, final: Path) -> None:
    """Writes `final`, of the same length. OSError: there is no such file then."""
    import soundfile  # noqa: PLC0415 - 40 ms, and most recorders never need it

    part = final.with_name(final.name.removesuffix(SUFFIX) + PART)
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE))
    try:
        with soundfile.SoundFile(wav) as source:
            shape = {"samplerate": source.samplerate, "channels": source.channels}
            with soundfile.SoundFile(part, "w", format="OGG", subtype="OPUS", **shape) as out:
                for block in source.blocks(BLOCK_FRAMES, dtype="int16"):
                    out.write(block)
            if soundfile.info(str(part)).frames != source.frames:  # a full disk, met when the file was closed
                raise OSError("the Opus file is not whole")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(final)
    except (OSError, soundfile.SoundFileError) as error:
        part.unlink(missing_ok=True)
        raise OSError(str(error)) from error
