#!/usr/bin/env python3
"""verdicts.py CAPTURE NFLOG: what the kernel said of each frame of CAPTURE, as text on stdout.

NFLOG is a capture (LINKTYPE_NFLOG) of what the router's `log prefix` rules wrote: every packet right behind connection tracking,
its state and direction in the prefix; and, with an nf_ct prefix, the packets nf_conntrack_log_invalid had a complaint about.
A frame and its log record are the same packet if everything but TTL, hop limit and IP header checksum is equal: CAPTURE may
show it after it was forwarded. Equal packets are paired in order.
"""

import struct
import sys
from collections import defaultdict, deque

ETHERNET, NFLOG = 1, 239
NFULA_PAYLOAD, NFULA_PREFIX = 9, 10
IPV4, IPV6 = 0x0800, 0x86DD


def records(path, linktype):
    """The packets of a pcap file as tcpdump on this machine writes it."""
    with open(path, "rb") as file:
        data = file.read()
    magic, *_, network = struct.unpack_from("=IHHiIII", data)
    if magic != 0xA1B2C3D4 or network != linktype:
        sys.exit(f"verdicts.py: {path} is not a pcap file of link type {linktype}")
    at = 24
    while at < len(data):
        captured = struct.unpack_from("=I", data, at + 8)[0]
        yield data[at + 16 : at + 16 + captured]
        at += 16 + captured


def attributes(record):
    """Netlink attributes of an NFLOG record: length and type in host order, padded to 4 bytes."""
    found, at = {}, 4
    while at + 4 <= len(record):
        length, kind = struct.unpack_from("=HH", record, at)
        if length < 4:
            break
        found[kind] = record[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def identity(packet):
    if packet[0] >> 4 == 4:
        total = struct.unpack_from("!H", packet, 2)[0]
        return packet[:8] + packet[9:10] + packet[12:total]
    total = 40 + struct.unpack_from("!H", packet, 4)[0]
    return packet[:7] + packet[8:total]


def main(capture, nflog):
    states, complaints = defaultdict(deque), defaultdict(deque)
    for record in records(nflog, NFLOG):
        found = attributes(record)
        prefix = found[NFULA_PREFIX].split(b"\0")[0].decode().strip()
        key = identity(found[NFULA_PAYLOAD])
        (complaints if prefix.startswith("nf_ct") else states)[key].append(prefix)

    for number, frame in enumerate(records(capture, ETHERNET), 1):
        if struct.unpack_from("!H", frame, 12)[0] not in (IPV4, IPV6):
            print(f"{number:5}  -")
            continue
        key = identity(frame[14:])
        if not states[key]:
            sys.exit(f"verdicts.py: the kernel said nothing of frame {number} of {capture}")
        state, _, direction = states[key].popleft().partition(" ")
        complaint = complaints[key].popleft() if complaints[key] else ""
        print(f"{number:5}  {state:11}  {direction or '-':8}  {complaint}".rstrip())


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
