"""A long cable for the laboratory of `cargo xtask natlab`, where the kernel has no `netem`.

`delay_line.py ONE OTHER MILLISECONDS`: what comes in at one of two TAP devices of this network namespace leaves
by the other after so many milliseconds, in order. Prints a line when it carries.
"""

import fcntl
import os
import select
import struct
import sys
import time
from collections import deque

# <linux/if_tun.h>
TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000

# Frames under way at once, as in the queue of a slow line; one more is lost.
MOST = 10_000

LARGEST_FRAME = 65_536


def end_of(name):
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return end


def take_in(end, other, delay, line):
    while True:
        try:
            frame = os.read(end, LARGEST_FRAME)
        except BlockingIOError:
            return
        if len(line) < MOST:
            line.append((time.monotonic() + delay, other, frame))


def let_out(line):
    while line and line[0][0] <= time.monotonic():
        _, end, frame = line.popleft()
        try:
            os.write(end, frame)
        except OSError:
            # The device is down or its queue is full: the frame is lost, as on any line.
            pass


def main():
    one, other = end_of(sys.argv[1]), end_of(sys.argv[2])
    delay = float(sys.argv[3]) / 1_000
    line = deque()
    print("carries", flush=True)
    while True:
        wait = max(0.0, line[0][0] - time.monotonic()) if line else None
        ready, _, _ = select.select([one, other], [], [], wait)
        for end in ready:
            take_in(end, other if end == one else one, delay, line)
        let_out(line)


if __name__ == "__main__":
    main()
