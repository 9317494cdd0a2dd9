"""`python -m media.ears`: ears on an inherited control socket. Reads the command line and starts them."""

import argparse
import os
import signal
import socket
from pathlib import Path

from media.ears.listener import Listener

NICENESS = 5
"""What is heard may wait; packets may not."""


def main() -> None:
    """Exits 0 at `QuitEars`, or when the other end of the control socket is closed."""
    parser = argparse.ArgumentParser(prog="media.ears", description="Ears of one switch; started by it, not by hand.")
    parser.add_argument("--socket-fd", type=int, required=True, help="inherited AF_UNIX SOCK_SEQPACKET socket")
    parser.add_argument("--taps", type=Path, required=True, help="path of the socket that frames go to")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the switch decides when calls end
    os.nice(NICENESS)
    with socket.socket(fileno=options.socket_fd) as control:
        Listener(control, taps=options.taps).run()


if __name__ == "__main__":
    main()
