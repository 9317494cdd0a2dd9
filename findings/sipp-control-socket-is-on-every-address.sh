#!/usr/bin/env bash
# Guessed: with `-i 127.0.0.1` all sockets of SIPp are bound to that address: SIP, RTP and the control socket (`-cp`).
# Seen:    SIP and RTP are; the control socket, UDP too, is bound to 0.0.0.0, and no other program can have that port on any address.
# Why it matters: RTP ports of a switch under test fail to open, one in thousands of calls, though it has an address of its own.
# Package: sip-tester 1:3.6.1-1+b2 (Debian 12)
set -euo pipefail
folder=$(mktemp -d)
sipp_pid=
trap '[ -z "$sipp_pid" ] || kill "$sipp_pid" 2>/dev/null || true; rm -rf "$folder"' EXIT
version=$(dpkg-query -W -f '${Version}' sip-tester)
echo "sip-tester $version"
[ "$version" = "1:3.6.1-1+b2" ] || { echo "another version than the one that was looked at"; exit 1; }
cd "$folder"
sipp -sn uas -i 127.0.0.1 -p 11812 -cp 11814 -mp 11816 -m 1 -timeout 20s -nostdin >sipp.log 2>&1 &
sipp_pid=$!
python3 - "$sipp_pid" <<'PY'
import os
import socket
import sys
import time

ports = {11812: "SIP", 11814: "control", 11816: "RTP"}


def sockets():
    """By port, the address of each UDP socket of these ports (see proc(5), /proc/net/udp)."""
    found = {}
    with open("/proc/net/udp") as table:
        for row in list(table)[1:]:
            address, port = row.split()[1].split(":")
            if int(port, 16) in ports:
                found[int(port, 16)] = socket.inet_ntoa(bytes.fromhex(address)[::-1])
    return found


deadline = time.monotonic() + 10
while len(sockets()) < len(ports) and time.monotonic() < deadline:
    os.kill(int(sys.argv[1]), 0)
    time.sleep(0.05)
seen = {ports[port]: address for port, address in sorted(sockets().items())}
print(seen)
free = {}
for port, name in ports.items():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        try:
            other.bind(("127.0.0.2", port))
            free[name] = True
        except OSError as error:
            print(f"127.0.0.2:{port} ({name}): {error.strerror}")
            free[name] = False
expected = {"SIP": "127.0.0.1", "control": "0.0.0.0", "RTP": "127.0.0.1"}
raise SystemExit(0 if (seen, free) == (expected, {"SIP": True, "control": False, "RTP": True}) else "behaviour has changed")
PY
