#!/usr/bin/env python3
"""Sends the frames of a dnstap file to a socket over and over, at a rate, as a server does that waits for its receiver.

    send_frames.py SOCKET FILE MESSAGES_PER_SECOND SECONDS      (0 a second: as many as go)

Prints how many were sent.
"""

import socket
import struct
import sys
import time

CONTENT_TYPE = b"protobuf:dnstap.Dnstap"
READY, ACCEPT, START, STOP, FINISH = 4, 1, 2, 3, 5
AT_ONCE = 64


def control(kind, typed=True):
    field = struct.pack(">II", 1, len(CONTENT_TYPE)) + CONTENT_TYPE if typed else b""
    return struct.pack(">III", 0, 4 + len(field), kind) + field


def answer(stream, wanted):
    zero, length = struct.unpack(">II", stream.recv(8, socket.MSG_WAITALL))
    kind, = struct.unpack(">I", stream.recv(length, socket.MSG_WAITALL)[:4])
    assert (zero, kind) == (0, wanted), f"control frame {kind} instead of {wanted}"


def portions(path):
    """The data frames of a file, some at a time: their bytes, and how many they are."""
    data = open(path, "rb").read()
    at, frames, gathered = 0, [], []
    while at < len(data):
        length, = struct.unpack_from(">I", data, at)
        if length == 0:
            at += 8 + struct.unpack_from(">I", data, at + 4)[0]
            continue
        frames.append(data[at:at + 4 + length])
        at += 4 + length
    for first in range(0, len(frames), AT_ONCE):
        some = frames[first:first + AT_ONCE]
        gathered.append((b"".join(some), len(some)))
    return gathered


def main():
    path, file, rate, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    ready = portions(file)
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(path)
    stream.sendall(control(READY))
    answer(stream, ACCEPT)
    stream.sendall(control(START))
    sent, turn, start = 0, 0, time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        if rate and sent > rate * passed:
            time.sleep(min((sent - rate * passed) / rate, 0.001))
            continue
        some, count = ready[turn % len(ready)]
        stream.sendall(some)
        sent, turn = sent + count, turn + 1
    stream.sendall(control(STOP, typed=False))
    answer(stream, FINISH)
    print(sent)


main()
