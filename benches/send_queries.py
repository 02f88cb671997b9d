#!/usr/bin/env python3
"""Sends DNS queries from 64 ports at a rate, many with one system call: the kernel cuts one long datagram into 60.

    send_queries.py ADDRESS QUERIES_PER_SECOND SECONDS      (0 a second: as many as go)

Prints how many were sent. Where the network card cuts datagrams itself, that must be off (ethtool -K IF tx-udp-segmentation off).
"""

import socket
import sys
import time

SOL_UDP, UDP_SEGMENT = 17, 103
PORTS, AT_ONCE, BYTES = 64, 60, 64
QUERY = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01"


def client(address):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(SOL_UDP, UDP_SEGMENT, BYTES)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    made.connect((address, 53))
    return made


def main():
    address, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    clients = [client(address) for _ in range(PORTS)]
    queries = QUERY.ljust(BYTES, b"\0") * AT_ONCE
    sent, start = 0, time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        if rate and sent > rate * passed:
            time.sleep(min((sent - rate * passed) / rate, 0.001))
            continue
        clients[sent // AT_ONCE % PORTS].send(queries)
        sent += AT_ONCE
    print(sent)


main()
