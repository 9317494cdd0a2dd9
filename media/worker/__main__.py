"""`python -m media.worker`: a relay on an inherited control socket. Reads the command line and starts the relay."""

import argparse
import resource
import signal
import socket
from pathlib import Path

from media.worker import tones
from media.worker.prompts import Prompts
from media.worker.relay import Relay
from media.worker.switchboard import HOLD_TIMEOUT_NS

NS_PER_MS = 1_000_000


def main() -> None:
    """Exits 0 at `Quit`, or when the other end of the control socket is closed."""
    options = _options()
    # Ctrl-C in a terminal reaches the whole process group. The engine decides when calls end, and then says so.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # three sockets for each leg
    tones.prepare()
    with socket.socket(fileno=options.socket_fd) as control:
        Relay(
            control,
            prompts=Prompts(options.prompts),
            rtp_timeout_ns=options.rtp_timeout_ms * NS_PER_MS,
            hold_timeout_ns=options.hold_timeout_ms * NS_PER_MS,
            transcoders=options.transcoders,
        ).run()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="media.worker", description="RTP relay of one switch; started by it, not by hand.")
    parser.add_argument("--socket-fd", type=int, required=True, help="inherited AF_UNIX SOCK_SEQPACKET socket")
    parser.add_argument("--prompts", type=Path, required=True, help="directory of prepared prompts")
    parser.add_argument("--rtp-timeout-ms", type=int, default=60_000)
    parser.add_argument("--hold-timeout-ms", type=int, default=HOLD_TIMEOUT_NS // NS_PER_MS)
    parser.add_argument(
        "--transcoders", type=Path, nargs="*", default=[], help="sockets of transcoders, for legs whose codecs differ"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
