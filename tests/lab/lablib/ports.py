"""TCP ports of dom0: whether something listens there, and forwarding one to another."""
import time

from lablib.errors import LabError


def is_listening(host, port):
    """Whether something listens on the port in dom0."""
    return host.run(f"grep -q ':{port:04X} 0*:0000 0A' /proc/net/tcp /proc/net/tcp6").code == 0


def wait_listening(host, port, timeout=60):
    """Waits until something listens on the port in dom0."""
    deadline = time.monotonic() + timeout
    while not is_listening(host, port):
        if time.monotonic() > deadline:
            raise LabError(f"host{host.number} does not listen on port {port}")


def forward(host, port, target, bind=""):
    """Forwards a port of a host, byte by byte."""
    host.run(f"socat -b 262144 TCP-LISTEN:{port},fork,reuseaddr,nodelay{bind} TCP:{target},nodelay >/dev/null 2>&1 &").check()
    wait_listening(host, port)
