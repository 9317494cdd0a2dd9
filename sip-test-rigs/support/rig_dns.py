"""Serves a rig's zone on loopback: the name server that its switch asks."""

import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from rig_words import RigError

TTL_S = 300


class NameServer:
    """`zone`: a record a line, `NAME TYPE VALUE`, as zone files write them; what follows a semicolon is a comment."""

    def __init__(self, zone: str, *, at: tuple[str, int]) -> None:
        self._records: dict[tuple[str, str], list[str]] = {}
        for line in zone.splitlines():
            words = line.partition(";")[0].split(maxsplit=2)
            if len(words) == 3:
                self._records.setdefault((words[0].rstrip(".").lower(), words[1].upper()), []).append(words[2])
            elif words:
                raise RigError(f"dns.zone: {line!r} is no record: write NAME TYPE VALUE")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(at)
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        """Ends its thread by a datagram of nothing: closing a socket wakes nobody who waits for it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())

    def _serve(self) -> None:
        with self._socket:
            while True:
                data, source = self._socket.recvfrom(4_096)
                if not data:
                    return
                self._socket.sendto(self._answer(data), source)

    def _answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        records = self._records.get((name, kind))
        if records:
            response.answer.append(dns.rrset.from_text_list(question.name, TTL_S, "IN", kind, records))
        elif not any(known == name for known, _ in self._records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()
