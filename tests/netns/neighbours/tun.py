"""A point-to-point device between two network namespaces, as a dialled-up connection is: tun0 here and tun0 in the namespace
whose file is named, and what goes into one comes out of the other."""

import ctypes
import fcntl
import os
import select
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
CLONE_NEWNET = 0x40000000


def open_tun():
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
    return device


here = open_tun()
libc = ctypes.CDLL(None, use_errno=True)
with open(sys.argv[1], "rb") as namespace:
    if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
there = open_tun()
print("ready", flush=True)
other = {here: there, there: here}
while True:
    for device in select.select([here, there], [], [])[0]:
        try:
            os.write(other[device], os.read(device, 65536))
        except (BlockingIOError, OSError):
            # The other end is down, or its queue is full: the packet is lost, as on any line.
            pass
