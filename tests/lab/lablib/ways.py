"""Ways from a host's module to a receiver: on one host, between two over TLS, through a relay that can be cut."""
from dataclasses import dataclass
from pathlib import Path

from lablib.ports import forward, is_listening

PORT, RELAY_PORT = 7000, 7001

# Where root has the key by which both ends of loopback prove who they are (docs/protocol.md).
LOOPBACK_KEY = "/run/prerecord/loopback.key"
KEYS = "/tmp/prerecord-keys"


@dataclass(frozen=True)
class Way:
    """Where moves go: shells on both ends, and what the source calls its destination."""

    source: object
    destination: object
    target_host: object
    address: str


def receive(shell):
    """Starts a receiver on loopback where none listens yet."""
    shell.check(f"if (-not (Get-MigrationReceiver)) {{ Start-MigrationReceiver -Port {PORT} -Confirm:$false }}")


def certificate(host):
    """Where a host's certificate lies, on every host."""
    return f"{KEYS}/host{host.number}.pem"


def certificates(own, other):
    """Options that say who a host is, and whom it trusts."""
    return f"-Certificate {certificate(own)} -TrustedCertificate {certificate(other)}"


def introduce(shell, other):
    """Makes a certificate for the shell's host where it has none yet, and brings its public text to another host."""
    path = certificate(shell.host)
    shell.host.run(f"mkdir -p {KEYS}").check()
    text = shell.check(
        f"if (-not [IO.File]::Exists('{path}')) {{ $null = New-MigrationCertificate host{shell.host.number} -Path {KEYS} }}; [IO.File]::ReadAllText('{path}')", 600)
    other.host.run(f"mkdir -p {KEYS} && cat > {path}", stdin=text.strip().encode()).check()


def connect(source, destination):
    """Makes the second host a destination of the first one, by TLS with a certificate for each, as an administrator does."""
    introduce(source, destination)
    introduce(destination, source)
    address = f"{destination.host.address}:{PORT}"
    destination.check(
        f"if (-not (Get-MigrationReceiver | Where-Object {{ $_.Endpoint.Address.ToString() -eq '{destination.host.address}' }})) {{"
        f" Start-MigrationReceiver -Address {destination.host.address} -Port {PORT}"
        f" {certificates(destination.host, source.host)} -Confirm:$false }}", 600)
    source.check(f"Connect-MigrationHost xen{destination.host.number} -Address {address} {certificates(source.host, destination.host)}", 600)


def relay(way):
    """Starts a relay to the way's receiver, which can be cut; returns the destination's name for the way through it."""
    host = way.source.host
    forward(host, RELAY_PORT, f"{way.target_host.address}:{PORT}")
    way.source.check(
        f"if (-not (Get-MigrationHost relayed*)) {{ $null = Connect-MigrationHost relayed -Address 127.0.0.1:{RELAY_PORT}"
        f" {certificates(host, way.target_host)} }}", 600)
    return "relayed"


def cut_relay(way):
    """Ends the relay with every connection through it."""
    way.source.host.run("killall socat && while killall -0 socat 2>/dev/null; do sleep 0.1; done").check()


def share_key(of, to):
    """Gives a host another host's key for loopback, by which both ends prove that they are the same user's."""
    key = of.run(f"cat {LOOPBACK_KEY}").check().stdout.strip()
    to.run(f"umask 077 && mkdir -p {Path(LOOPBACK_KEY).parent} && echo {key} > {LOOPBACK_KEY}").check()


def open_tunnel(source, destination):
    """A way to the receiver on a host's loopback by a tunnel that encrypts nothing: it shows what TLS costs, and cut_relay() cuts it. Opened
    again, it leads to the same receiver by the same name."""
    receive(destination)
    here, there = source.host, destination.host
    if not is_listening(here, RELAY_PORT):
        entrance = f"127.0.0.1:{PORT}"
        if here.number != there.number:
            share_key(there, here)
            forward(there, RELAY_PORT, entrance, f",bind={there.address}")
            entrance = f"{there.address}:{RELAY_PORT}"
        forward(here, RELAY_PORT, entrance, ",bind=127.0.0.1")
    return Way(source, destination, there, f"localhost:{RELAY_PORT}")


def open_way(source, destination=None):
    """Starts a receiver at the destination (another shell of this dom0's or of another's; None: the source's own), and names the way to it."""
    destination = destination or source
    if destination.host.number == source.host.number:
        receive(destination)
        return Way(source, destination, source.host, f"localhost:{PORT}")
    name = f"xen{destination.host.number}"
    if not source.check(f"Get-MigrationHost {name}*").strip():
        connect(source, destination)
    return Way(source, destination, destination.host, name)
