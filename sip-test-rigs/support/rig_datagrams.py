"""Sends raw datagrams to the switch and reports what came back. Of SIP, it reads only an answer's status line.

The file is a list; each item is one datagram, made of exactly one of
    text: |            lines, sent with CRLF line ends; {sip} and {here} are the switch's and our own host:port
    hex: "80 00 ff"    octets
    noise: 1500        that many random octets (of a fixed seed)
    filler: 65507      that many letters `A`
    empty: true        no octet at all
with `answer: nothing` (default) or a list of SIP codes that are right; add 0 to it where silence is right too.

Nobody waits for silence: an OPTIONS is sent after each datagram, and loopback keeps the order, so what was not answered when the
OPTIONS is, is not going to be.
"""

import random
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from rig_words import RigError, fill_placeholders

PROBE_DEADLINE_S = 60.0
STATUS = re.compile(rb"SIP/2\.0 (\d{3}) ")
PROBE = """OPTIONS sip:{sip} SIP/2.0
Via: SIP/2.0/UDP {here};branch=z9hG4bKprobe-{number};rport
Max-Forwards: 70
From: <sip:probe@{here}>;tag=probe
To: <sip:{sip}>
Call-ID: probe-{number}
CSeq: 1 OPTIONS
Content-Length: 0

"""


def throw(listed: Path, switch: tuple[str, int]) -> list[str]:
    """Send all datagrams of the file. Returns what went wrong, empty when nothing did."""
    items = yaml.safe_load(listed.read_text())
    if not isinstance(items, list) or not items:
        raise RigError(f"{listed}: must be a list of datagrams")
    problems: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind(("127.0.0.1", 0))
        out.settimeout(PROBE_DEADLINE_S)
        values = {"sip": f"{switch[0]}:{switch[1]}", "here": "{}:{}".format(*out.getsockname())}
        for number, item in enumerate(items, start=1):
            out.sendto(_octets(item, values, f"{listed}: datagram {number}"), switch)
            out.sendto(_with_crlf(fill_placeholders(PROBE, {**values, "number": str(number)})), switch)
            codes, alive = _answers(out, number)
            if not alive:
                return [*problems, f"datagram {number}: the switch answers no OPTIONS any more"]
            problems += _judge(item, codes, number)
    return problems


def _answers(out: socket.socket, number: int) -> tuple[list[int], bool]:
    """Final codes that came before the answer to probe `number`, and whether that answer came."""
    codes: list[int] = []
    while True:
        try:
            answer = out.recv(65_536)
        except TimeoutError:
            return codes, False
        if f"probe-{number}\r\n".encode() in answer:
            return codes, True
        status = STATUS.match(answer)
        code = int(status[1]) if status else -1
        if not 100 <= code < 200:
            codes.append(code)


def _judge(item: Mapping[str, Any], codes: list[int], number: int) -> list[str]:
    right = item.get("answer", "nothing")
    allowed = {0} if right == "nothing" else set(right)
    got = set(codes) or {0}
    return [] if got <= allowed else [f"datagram {number}: answered {sorted(got)}, expected {right} (0 is silence)"]


def _octets(item: Mapping[str, Any], values: Mapping[str, str], place: str) -> bytes:
    match {key: value for key, value in item.items() if key != "answer"}:
        case {"text": str(text), **rest} if not rest:
            return _with_crlf(fill_placeholders(text, values))
        case {"hex": str(octets), **rest} if not rest:
            return bytes.fromhex(octets)
        case {"noise": int(size), **rest} if not rest:
            return random.Random(size).randbytes(size)  # noqa: S311 (reproducible noise, no secret)
        case {"filler": int(size), **rest} if not rest:
            return b"A" * size
        case {"empty": True, **rest} if not rest:
            return b""
    raise RigError(f"{place}: exactly one of text, hex, noise, filler, empty (and `answer`), not {dict(item)}")


def _with_crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
