#!/usr/bin/env python3
"""The programs of our own that speak in the samples; everything else is curl, ping, dig, nc, traceroute, vsftpd, dnsmasq.

    lines-server ADDRESS PORT GO      TCP: answers lines; "later WORDS" is answered when the file GO exists
    talk ADDRESS PORT STEP...         TCP client; a step is one of
        say:WORDS        send a line, wait for the answer
        ask:WORDS        send a line, do not wait
        hear             wait for a line
        until:FILE       wait until FILE exists
        made:FILE        make FILE, to tell others we are here
        forge:KIND       send one packet the connection's own TCP knows nothing of (see FORGERIES), from a raw socket
    echo-server ADDRESS PORT          UDP: sends every datagram back
    stream ADDRESS PORT COUNT PAUSE   UDP client: COUNT datagrams, one every PAUSE seconds, each answered
    stray-echo-reply SOURCE ADDRESS   one ICMP echo reply nobody asked for

Every wait ends after WAIT seconds. Needs root for forge and stray-echo-reply.
"""

import os
import socket
import struct
import sys
import threading
import time

WAIT = 20

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

# Far outside: windows on these links stay below 64 KB until much data has flowed.
FAR = 1_000_000

# name: (flags, seq relative to the next byte we would send, ack relative to the next byte we expect, payload)
FORGERIES = {
    "seq-too-high": (PSH | ACK, FAR, 0, b"far to the right of the window\n"),
    "seq-too-low": (PSH | ACK, -FAR, 0, b"far to the left of the window\n"),
    "ack-too-high": (ACK, 0, FAR, b""),
    "rst-below-ack": (RST, -1, 0, b""),
}


def wait_for_file(path):
    deadline = time.monotonic() + WAIT
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            sys.exit(f"peers.py: {path} did not appear within {WAIT} s")
        time.sleep(0.01)


# --- TCP ---------------------------------------------------------------------------------------------------------


def lines_server(address, port, go):
    def serve(conn):
        conn.settimeout(WAIT)
        with conn, conn.makefile("rb") as lines:
            for line in lines:
                words = line.decode().strip()
                if words.startswith("later "):
                    wait_for_file(go)
                    words = words.removeprefix("later ")
                conn.sendall(f"you said: {words}\n".encode())

    listener = socket.create_server((address, port))
    while True:  # ends when record.sh ends the process
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


# TCP_REPAIR lets root read the sequence numbers of a live socket (tcp(7) leaves it out; see CRIU).
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
RECV_QUEUE, SEND_QUEUE = 1, 2
REPAIR_ON, REPAIR_OFF_NO_PROBE = 1, -1


def sequence_numbers(sock):
    """(next byte to send, next byte expected)"""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
    numbers = []
    for queue in (SEND_QUEUE, RECV_QUEUE):
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        numbers.append(sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) & 0xFFFFFFFF)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_NO_PROBE)
    return numbers


def internet_checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def forge(sock, kind):
    flags, seq_offset, ack_offset, payload = FORGERIES[kind]
    (source, sport), (dest, dport) = sock.getsockname(), sock.getpeername()
    seq, ack = sequence_numbers(sock)
    seq = (seq + seq_offset) & 0xFFFFFFFF
    ack = (ack + ack_offset) & 0xFFFFFFFF if flags & ACK else 0

    def segment(checksum):
        return struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 512, checksum, 0) + payload

    pseudo = socket.inet_aton(source) + socket.inet_aton(dest)
    pseudo += struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(segment(0)))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.bind((source, 0))
        raw.sendto(segment(internet_checksum(pseudo + segment(0))), (dest, 0))
    time.sleep(0.1)


def talk(address, port, *steps):
    with socket.create_connection((address, int(port)), timeout=WAIT) as sock:
        heard = sock.makefile("rb")
        for step in steps:
            what, _, detail = step.partition(":")
            if what in ("say", "ask"):
                sock.sendall(f"{detail}\n".encode())
            if what in ("say", "hear"):
                if not heard.readline():
                    sys.exit(f"peers.py: connection closed while in step {step}")
                time.sleep(0.1)
            if what == "until":
                wait_for_file(detail)
            if what == "made":
                open(detail, "w").close()
            if what == "forge":
                forge(sock, detail)


# --- UDP, ICMP ---------------------------------------------------------------------------------------------------


def echo_server(address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, port))
        while True:  # ends when record.sh ends the process
            data, sender = sock.recvfrom(2048)
            sock.sendto(data, sender)


def stream(address, port, count, pause):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT)
        sock.connect((address, port))
        for number in range(1, count + 1):
            sock.send(f"datagram {number}\n".encode())
            sock.recv(2048)
            time.sleep(pause if number < count else 0)


def stray_echo_reply(source, address):
    def message(checksum):
        return struct.pack("!BBHHH", 0, 0, checksum, 4242, 1) + b"nobody asked for this reply"

    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.bind((source, 0))
        raw.sendto(message(internet_checksum(message(0))), (address, 0))


match sys.argv[1:]:
    case ["lines-server", address, port, go]:
        lines_server(address, int(port), go)
    case ["talk", address, port, *steps]:
        talk(address, port, *steps)
    case ["echo-server", address, port]:
        echo_server(address, int(port))
    case ["stream", address, port, count, pause]:
        stream(address, int(port), int(count), float(pause))
    case ["stray-echo-reply", source, address]:
        stray_echo_reply(source, address)
    case _:
        sys.exit(__doc__)
