"""`python -m media.prompts DIRECTORY`: makes prompts into it.

A task a line comes on standard input, an answer a line goes out; the end of the input is its end.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

from media.prompts.make import make
from media.prompts.maker import NICENESS, Task, decode_task, encode_line
from media.prompts.source import PromptFile, PromptOctets, Source, Speech


def main() -> None:
    with suppress(OSError):  # deploy/payphone.service does not allow it
        os.nice(NICENESS)  # calls come first
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # where memory runs out, this process goes and no other
    directory = Path(sys.argv[1])
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints is no answer
    for line in sys.stdin.buffer:
        answers.write(encode_line(make(_source(decode_task(line)), directory)) + b"\n")


def _source(task: Task) -> Source:
    if task.octets is not None:
        return PromptOctets(task.octets)
    return Speech(task.text, task.command) if task.path is None else PromptFile(Path(task.path))


if __name__ == "__main__":
    main()
