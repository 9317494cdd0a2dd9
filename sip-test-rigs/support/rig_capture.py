"""Reads a packet capture of SIP over UDP and IPv4, as `payphone explain --pcap` writes it: the messages in it, one word each."""

import struct
from pathlib import Path

_FILE, _PACKET, _IP, _UDP = 24, 16, 20, 8
_MAGIC, _RAW_IP, _IS_UDP = 0xA1B2C3D4, 101, 17


def captured(file: Path) -> list[str]:
    """Returns the method or the status of each message, in order. Raises ValueError for what is no such capture."""
    data = file.read_bytes()
    magic, *_, link = struct.unpack(">IHHiIII", data[:_FILE])
    if (magic, link) != (_MAGIC, _RAW_IP):
        raise ValueError(f"{file} is no capture of raw IP packets")
    found, place = [], _FILE
    while place < len(data):
        kept, length = struct.unpack(">II", data[place + 8 : place + _PACKET])
        packet = data[place + _PACKET : place + _PACKET + kept]
        udp = packet[_IP:]
        if kept != length or len(packet) != struct.unpack(">H", packet[2:4])[0] or packet[9] != _IS_UDP:
            raise ValueError(f"{file} has a packet at {place} that is no whole UDP packet")
        if len(udp) != struct.unpack(">H", udp[4:6])[0]:
            raise ValueError(f"{file} has a datagram at {place} of another length than it says")
        words = udp[_UDP:].split(b"\r\n", 1)[0].decode().split()
        found.append(words[1] if words[0].startswith("SIP/") else words[0])
        place += _PACKET + kept
    return found
