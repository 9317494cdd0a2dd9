#!/usr/bin/env bash
# Guessed: `espeak-ng --stdout` knows when it is done only afterwards, but collects what it says first, so the WAV header has the true length.
# Seen:    the header of a pipe announces 0x7FFFF000 octets of data, whatever was said; with `-w FILE` it has the true length.
# Why it matters: Python's `wave` (3.11) believes it: "hello" is 13.5 hours long. Who limits prompts by their announced length refuses every
#          spoken one, who reserves memory by it takes 2 GiB; the length is what came.
# Package: espeak-ng 1.51+dfsg-10+deb12u2 (Debian 12)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v espeak-ng > /dev/null || apt-get install -y -q --no-install-recommends espeak-ng > /dev/null
version=$(dpkg-query -W -f '${Version}' espeak-ng)
echo "espeak-ng $version"
[[ $version == 1.51+dfsg-10+deb12u2 ]] || { echo "another version"; exit 1; }
espeak-ng -v en-us --stdout "hello" > "$folder/pipe.wav"
espeak-ng -v en-us -w "$folder/file.wav" "hello"
python3 - "$folder" <<'PY'
import sys
import wave
from pathlib import Path

seen = {}
for name in ("pipe", "file"):
    path = Path(sys.argv[1], f"{name}.wav")
    announced = int.from_bytes(path.read_bytes()[40:44], "little")
    with wave.open(str(path)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    seen[name] = announced
    print(f"{name}: {path.stat().st_size - 44} octets of sound, {announced:#x} announced, {seconds:.1f} s by Python's wave")
    is_true = announced == path.stat().st_size - 44
    if is_true is not (name == "file"):
        raise SystemExit("behaviour has changed")
raise SystemExit(0 if seen["pipe"] == 0x7FFFF000 else "behaviour has changed")
PY
