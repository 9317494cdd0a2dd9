"""`python -m media.transcoder`: a transcoder that media workers connect to. Reads the command line and runs the loop."""

import argparse
import signal
import socket
from pathlib import Path

from media.transcoder.codecs import decoder
from media.transcoder.opus import OpusError
from media.transcoder.server import MAX_WAIT_NS, Server
from switch.codec import Codec

NS_PER_MS = 1_000_000


def main() -> None:
    """Ends when the other end of the control socket is closed. Exits with the reason where a codec can't be had."""
    parser = argparse.ArgumentParser(
        prog="media.transcoder", description="Transcodes audio for one switch; started by it, not by hand."
    )
    parser.add_argument("--control-fd", type=int, required=True, help="inherited AF_UNIX SOCK_SEQPACKET socket")
    parser.add_argument("--socket", type=Path, required=True, help="where workers connect")
    parser.add_argument("--codecs", nargs="*", choices=[codec.name for codec in Codec], default=[], help="that must be had")
    parser.add_argument("--max-wait-ms", type=int, default=MAX_WAIT_NS // NS_PER_MS, help="older packets are lost")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal's process group: the switch decides when calls end
    try:
        for codec in map(Codec.__getitem__, options.codecs):
            decoder(codec, codec.sample_rate)
    except OpusError as error:
        raise SystemExit(f"{codec.name} can't be transcoded: {error}") from None
    with socket.socket(fileno=options.control_fd) as control:
        Server(options.socket, control, max_wait_ns=options.max_wait_ms * NS_PER_MS).run()


if __name__ == "__main__":
    main()
