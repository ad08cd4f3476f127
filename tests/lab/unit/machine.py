"""A machine that is no machine: its command channel is served by dom0's own agent, run here as a process.

Takes QEMU's command line, and of it only the channel's socket. The agent's program is in LAB_UNIT_AGENT; without it the machine never comes up.
"""
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import tty

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def copy(read, write):
    """Copies from one end to the other, and ends the machine where either has ended."""
    try:
        while data := read(65536):
            write(data)
    except OSError:
        pass  # the other side has gone
    os.kill(os.getpid(), signal.SIGKILL)


def main():
    agent = os.environ.get("LAB_UNIT_AGENT")
    if agent is None:
        signal.pause()
    channel = socket.socket(fileno=int(re.search(r"id=agent,fd=(\d+)", " ".join(sys.argv))[1]))
    port, end = os.openpty()
    tty.setraw(end)
    # However this process ends, the agent ends with it: on a terminal that has gone it would look for a machine for ever.
    subprocess.Popen([agent, os.ttyname(end)], preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    threading.Thread(target=copy, args=(lambda size: os.read(port, size), channel.sendall), daemon=True).start()
    with os.fdopen(port, "wb", buffering=0) as file:
        def write(data):
            while data:
                data = data[file.write(data):]
        copy(channel.recv, write)


main()
