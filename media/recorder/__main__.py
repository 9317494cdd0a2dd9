"""`python -m media.recorder`: a recorder on an inherited control socket. Reads the command line and starts it."""

import argparse
import resource
import signal
import socket
from pathlib import Path

from media.recorder.recorder import Recorder

NS_PER_DAY = 86_400_000_000_000


def main() -> None:
    """Exits 0 at `QuitRecorder`, or when the other end of the control socket is closed."""
    parser = argparse.ArgumentParser(prog="media.recorder", description="Recorder of one switch; started by it, not by hand.")
    parser.add_argument("--socket-fd", type=int, required=True, help="inherited AF_UNIX SOCK_SEQPACKET socket")
    parser.add_argument("--directory", type=Path, required=True, help="directory of recordings")
    parser.add_argument("--taps", type=Path, required=True, help="path of the socket that frames go to")
    parser.add_argument("--keep-days", type=int, default=None, help="older recordings are deleted")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the switch decides when calls end
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # one for each recording
    with socket.socket(fileno=options.socket_fd) as control:
        keep_ns = None if options.keep_days is None else options.keep_days * NS_PER_DAY
        Recorder(control, directory=options.directory, taps=options.taps, keep_ns=keep_ns).run()


if __name__ == "__main__":
    main()
