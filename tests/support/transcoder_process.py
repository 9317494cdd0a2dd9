"""A transcoder in its own process, for tests."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

from child_process import mortal

from media.transcoder.wire import READY

PATIENCE_S = 60.0
PATIENCE_MS = 60_000


class TranscoderProcess:
    """Takes connections at `path` while it is entered."""

    def __init__(self, path: Path, *codecs: str) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(PATIENCE_S)
        fd = theirs.fileno()
        command = [sys.executable, "-m", "media.transcoder", "--control-fd", str(fd), "--socket", str(path), "--codecs", *codecs]
        command += ["--max-wait-ms", str(PATIENCE_MS)]  # however busy the machine is
        self.process = subprocess.Popen(mortal(command), pass_fds=[fd], stderr=subprocess.PIPE)
        theirs.close()

    def __enter__(self) -> Self:
        assert self._control.recv(100) == READY, self.errors()
        return self

    def __exit__(self, *_: object) -> None:
        self._control.close()
        self.process.kill()
        self.process.communicate(timeout=PATIENCE_S)

    def hang_up(self) -> int:
        """The switch is gone. Returns the exit code."""
        self._control.close()
        return self.process.wait(PATIENCE_S)

    def errors(self) -> str:
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        return errors.decode()
