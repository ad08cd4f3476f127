"""The lab: one or two emulated Xen hosts, and a way to run commands in their dom0.

    with Lab(hosts=2, share="publish", time_limit=600) as lab:
        result = lab.host(1).run("xl list", timeout=30)
        print(result.code, result.stdout)

A lab that `tests/lab/run --keep` holds up is reached with Lab.attach().
Only Python's standard library is used.
"""
import ctypes
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
HEADER = struct.Struct("<IIB")
MAX_PAYLOAD = 1 << 16
ENVIRONMENT = "PRERECORD_LAB"


class LabError(Exception):
    """Something of the lab itself failed; the message says what and where to look."""


@dataclass(frozen=True)
class Result:
    """What a command printed (bytes decoded as UTF-8 in `stdout` and `stderr`) and its exit code; 128 + n for signal n."""

    command: str
    code: int
    output: bytes
    errors: bytes
    seconds: float

    @property
    def stdout(self):
        return self.output.decode("utf-8", "replace")

    @property
    def stderr(self):
        return self.errors.decode("utf-8", "replace")

    def check(self):
        """Returns the result itself, or raises LabError if the command failed."""
        if self.code != 0:
            raise LabError(f"`{self.command}` ended with {self.code}\n{self.stdout}{self.stderr}")
        return self


def frame(kind, channel=0, payload=b""):
    return HEADER.pack(len(payload), channel, ord(kind)) + payload


def receive_exactly(connection, count):
    data = bytearray()
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def receive_frame(connection):
    length, channel, kind = HEADER.unpack(receive_exactly(connection, HEADER.size))
    return chr(kind), channel, receive_exactly(connection, length)


class Process:
    """A running command in a dom0. `wait` collects it; `write` and `end_input` feed it; `kill` ends it."""

    def __init__(self, connection, command):
        self.command = command
        self.code = None
        self._connection = connection
        self._started = time.monotonic()

    def write(self, data):
        for start in range(0, len(data), MAX_PAYLOAD):
            self._connection.sendall(frame("I", 0, data[start:start + MAX_PAYLOAD]))

    def end_input(self):
        self._connection.sendall(frame("E"))

    def kill(self, number=signal.SIGKILL):
        self._connection.sendall(frame("K", 0, bytes([number])))

    def read(self, timeout=None):
        """The next piece: ("O", bytes), ("R", bytes) or, at its end, ("Q", exit code). TimeoutError if none comes."""
        self._connection.settimeout(timeout)
        try:
            kind, _, payload = receive_frame(self._connection)
        except EOFError:
            raise LabError(f"the lab went down while `{self.command}` ran") from None
        if kind == "Q":
            self.code = struct.unpack("<i", payload)[0]
            self._connection.close()
            return kind, self.code
        return kind, payload

    def wait(self, timeout=None):
        """Collects the command to its end. On a timeout kills it and raises LabError with what it had printed."""
        output, errors = bytearray(), bytearray()
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                kind, payload = self.read(None if end is None else max(0.001, end - time.monotonic()))
            except TimeoutError:
                self.kill()
                self._connection.close()
                text = (output + errors).decode("utf-8", "replace")
                raise LabError(f"`{self.command}` did not end within {timeout} s\n{text}") from None
            if kind == "Q":
                return Result(self.command, payload, bytes(output), bytes(errors), time.monotonic() - self._started)
            (output if kind == "O" else errors).extend(payload)


class Host:
    """One dom0 of a lab, by its number from 1."""

    def __init__(self, control, number):
        self._control, self.number = control, number
        self.address = f"10.77.0.{number}"

    def start(self, command):
        """Starts a command: a string for dom0's shell, or a list of arguments."""
        arguments = ["sh", "-c", command] if isinstance(command, str) else [str(part) for part in command]
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(self._control)
        except OSError as error:
            connection.close()
            raise LabError(f"no lab answers at {self._control}: {error}") from None
        request = json.dumps({"host": self.number, "arguments": arguments}).encode()
        connection.sendall(frame("X", 0, request))
        return Process(connection, command if isinstance(command, str) else " ".join(arguments))

    def run(self, command, timeout=60, stdin=b""):
        """Runs a command to its end and returns its Result; LabError if it takes longer than `timeout` seconds."""
        process = self.start(command)
        if stdin:
            process.write(stdin)
        process.end_input()
        return process.wait(timeout)


def default_runtime():
    """Where the control sockets of running labs are: short, because a socket's path must be."""
    return Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp") / f"prerecord-lab-{os.getuid()}"


class Lab:
    """Boots hosts on entering a `with` block, and leaves no process behind on leaving it, however that happens.

    name          of the lab: its control socket is <runtime>/<name>
    hosts         1, or 2 joined by an emulated network (10.77.0.1 and 10.77.0.2)
    share         a folder that every dom0 sees as /share, read and write
    output        a folder for serial logs and guest consoles
    memory, dom0  MiB of each machine and of its dom0
    processors    of each machine. One is best where the emulation has two cores or fewer, or shares them: with
                  two, processors that spin on each other's locks cost more than twice the time to boot
    boot_limit    seconds until every dom0 must answer
    time_limit    seconds until the whole lab is brought down; None for no limit
    xen, options  more words for Xen's command line, more arguments for QEMU
    iommu         whether the machines have an IOMMU (AMD's), which Xen uses for domains with passthrough= set
    counted       whether the machines' time is the number of instructions they have executed, 8 ns each, and no wait takes
                  any: speeds then do not depend on what else the emulating machine does. For one host
    hypervisor    "patched", "debug", "unpatched" or "stock": see tests/lab/build
    """

    def __init__(self, name="lab", hosts=1, share=None, output=None, memory=3072, dom0=1536, processors=1,
                 boot_limit=600, time_limit=None, xen="", options=(), iommu=False, counted=False, hypervisor="patched", log=None):
        if hosts not in (1, 2):
            raise LabError("a lab has 1 or 2 hosts")
        if counted and hosts > 1:
            raise LabError("two hosts cannot have counted time: each would have one of its own")
        self.name, self.count = name, hosts
        self.output = Path(output or HERE.parent.parent / "artifacts" / "lab" / name).resolve()
        self.share = Path(share).resolve() if share else None
        self.memory, self.dom0, self.processors = memory, dom0, processors
        self.boot_limit, self.time_limit, self.xen, self.options = boot_limit, time_limit, xen, list(options)
        self.iommu, self.counted = iommu, counted
        self.control = str(default_runtime() / name)
        self.boot_seconds = None
        self.hypervisor = hypervisor
        self._log = log or (lambda text: print(text, file=sys.stderr, flush=True))
        self._machines, self._links, self._listener, self._timer = [], [], None, None
        self._ended = threading.Event()

    @staticmethod
    def attach(name=None):
        """A lab that runs already: by name, or the one that `tests/lab/run -- command` brought up for this command."""
        control = str(default_runtime() / name) if name else os.environ.get(ENVIRONMENT) or str(default_runtime() / "lab")
        return AttachedLab(control)

    def host(self, number):
        return Host(self.control, number)

    def __enter__(self):
        try:
            self._boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def wait(self, seconds=None):
        """Waits until the lab ends by itself: a machine died or the time limit passed. True if it ended."""
        return self._ended.wait(seconds)

    # Booting

    def _boot(self):
        started = time.monotonic()
        folder = subprocess.run([str(HERE / "build"), "--print", "--hypervisor", self.hypervisor], stdout=subprocess.PIPE, check=False, text=True)
        if folder.returncode != 0:
            raise LabError("the lab could not be built")
        images = Path(folder.stdout.strip())
        self.output.mkdir(parents=True, exist_ok=True)
        if self.share:
            self.share.mkdir(parents=True, exist_ok=True)
        # A copy, because a share whose folder is replaced (as git does) is lost to the machines that hold it.
        shutil.copytree(HERE / "guests", self.output / "guests", dirs_exist_ok=True)
        self._listen()
        self._log(f"lab: images ready after {time.monotonic() - started:.1f} s; booting {self.count} host(s), logs in {self.output}")
        if self.time_limit:
            self._timer = threading.Timer(self.time_limit, self._out_of_time)
            self._timer.daemon = True
            self._timer.start()
        started = time.monotonic()
        wires = socket.socketpair() if self.count == 2 else (None,)
        for number, wire in enumerate(wires, 1):
            self._start_machine(images, number, wire)
        for link in self._links:
            link.greet(started + self.boot_limit)
            self._log(f"lab: host{link.number} answers after {time.monotonic() - started:.1f} s")
        self.boot_seconds = time.monotonic() - started

    def _listen(self):
        path = Path(self.control)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.control)
            except OSError:
                path.unlink(missing_ok=True)
            else:
                raise LabError(f"a lab named {self.name} is up already; choose another --name or end it with tests/lab/stop")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.control)
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _start_machine(self, images, number, wire):
        ours, theirs = socket.socketpair()
        serial = self.output / f"host{number}-serial.log"
        consoles = self.output / f"host{number}"
        consoles.mkdir(exist_ok=True)
        shares = [("lab", images / "guest", ",readonly=on"), ("guests", self.output / "guests", ""), ("out", consoles, "")]
        if self.share:
            shares.append(("share", self.share, ""))
        xen = (f"console=com1 com1=115200 dom0_mem={self.dom0}M,max:{self.dom0}M loglvl=all guest_loglvl=all "
               f"spec-ctrl=no,eager-fpu bootscrub=0 iommu={int(self.iommu)} {self.xen}").strip()
        kernel = f"console=hvc0 loglevel=4 mitigations=off audit=0 apparmor=0 lab.host={number} lab.hosts={self.count}"
        command = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", "q35" if self.iommu else "pc", "-accel", "tcg,thread=" + ("single" if self.counted else "multi"), "-cpu", "max,-smap,-smep,-pku,-rdtscp",
            "-smp", str(self.processors), "-m", str(self.memory),
            "-kernel", str(images / "xen"), "-append", xen,
            "-initrd", f"{images / 'vmlinuz'} {kernel},{images / 'initrd'}",
            "-serial", f"file:{serial}",
            "-chardev", f"socket,id=agent,fd={theirs.fileno()}",
            *(["-device", "amd-iommu"] if self.iommu else []),
            *(["-icount", "shift=3,sleep=off"] if self.counted else []),
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=lab"]
        for tag, folder, more in shares:
            command += ["-fsdev", f"local,id={tag},path={folder},security_model=none{more}",
                        "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        descriptors = [theirs.fileno()]
        if wire:
            descriptors.append(wire.fileno())
            command += ["-netdev", f"socket,id=wire,fd={wire.fileno()}",
                        "-device", f"virtio-net-pci,netdev=wire,mac=52:54:00:77:00:{number:02x}"]
        machine = subprocess.Popen(command + self.options, pass_fds=descriptors, stdin=subprocess.DEVNULL,
                                   stdout=open(self.output / f"host{number}-qemu.log", "wb"), stderr=subprocess.STDOUT,
                                   start_new_session=True, preexec_fn=die_with_parent)
        theirs.close()
        if wire:
            wire.close()
        self._machines.append(machine)
        link = Link(ours, number, serial, machine, self._machine_ended)
        self._links.append(link)

    # Ending

    def _machine_ended(self, link):
        if not self._ended.is_set():
            self._log(f"lab: host{link.number} went down; see {link.serial}")
            self._ended.set()

    def _out_of_time(self):
        self._log(f"lab: the time limit of {self.time_limit} s has passed")
        self._end_machines()
        self._ended.set()

    def _end_machines(self):
        for machine in self._machines:
            if machine.poll() is None:
                machine.kill()
        for machine in self._machines:
            machine.wait()

    def close(self):
        """Ends every machine and removes the control socket. May be called twice."""
        self._ended.set()
        if self._timer:
            self._timer.cancel()
        self._end_machines()
        for link in self._links:
            link.close()
        if self._listener:
            self._listener.close()
            self._listener = None
            Path(self.control).unlink(missing_ok=True)

    # Serving commands

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        """One client, one command: its frames go to the host's agent, the agent's frames to it."""
        with connection:
            try:
                kind, _, payload = receive_frame(connection)
                if kind == "S":
                    self._ended.set()
                    connection.sendall(frame("Q", 0, struct.pack("<i", 0)))
                    return
                request = json.loads(payload)
                link = self._link(request["host"])
                if link is None:
                    text = f"lab: there is no host {request['host']} that answers\n".encode()
                    connection.sendall(frame("R", 0, text) + frame("Q", 0, struct.pack("<i", 125)))
                    return
                channel = link.open(connection)
                try:
                    link.send("X", channel, b"\0".join(part.encode() for part in request["arguments"]) + b"\0")
                    while True:
                        kind, _, payload = receive_frame(connection)
                        link.send(kind, channel, payload)
                except (EOFError, OSError):
                    link.abandon(channel)
            except (EOFError, OSError):
                return

    def _link(self, number):
        for link in self._links:
            if link.number == number and link.ready:
                return link
        return None


class AttachedLab:
    """A lab of another process."""

    def __init__(self, control):
        self.control = control

    def host(self, number):
        return Host(self.control, number)

    def stop(self):
        """Asks the process that holds the lab to end it."""
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(self.control)
                connection.sendall(frame("S"))
                receive_frame(connection)
            except (OSError, EOFError) as error:
                raise LabError(f"no lab answers at {self.control}: {error}") from None


class Link:
    """The command channel into one dom0: many commands at once over one virtio-serial port."""

    def __init__(self, connection, number, serial, machine, on_end):
        self.number, self.serial, self.ready = number, serial, False
        self._connection, self._machine, self._on_end = connection, machine, on_end
        self._clients, self._next, self._lock = {}, 1, threading.Lock()
        self._writing = threading.Lock()
        self._greeted = threading.Event()
        threading.Thread(target=self._receive, daemon=True).start()

    def greet(self, deadline):
        """Waits until dom0's agent answers."""
        while not self._greeted.wait(0.2):
            if self._machine.poll() is not None:
                raise LabError(f"host{self.number}'s QEMU ended with {self._machine.returncode}; see {self.serial} and host{self.number}-qemu.log beside it")
            if time.monotonic() > deadline:
                raise LabError(f"host{self.number} did not come up in time; see {self.serial}")
            self.send("H", 0, b"")
        self.ready = True

    def open(self, client):
        with self._lock:
            channel = self._next
            self._next += 1
            self._clients[channel] = client
            return channel

    def abandon(self, channel):
        """The client has gone: ends its command if it still runs."""
        with self._lock:
            running = self._clients.pop(channel, None) is not None
        if running:
            self.send("K", channel, bytes([signal.SIGKILL]))

    def send(self, kind, channel, payload):
        with self._writing:
            self._connection.sendall(frame(kind, channel, payload))

    def close(self):
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the machine's end is closed already
        self._connection.close()

    def _receive(self):
        try:
            while True:
                kind, channel, payload = receive_frame(self._connection)
                if kind == "H":
                    self._greeted.set()
                    continue
                with self._lock:
                    client = self._clients.pop(channel, None) if kind == "Q" else self._clients.get(channel)
                if client is not None:
                    self._pass_on(client, kind, payload)
        except (EOFError, OSError):
            with self._lock:
                clients, self._clients = list(self._clients.values()), {}
            for client in clients:
                shut(client)
            self._on_end(self)

    @staticmethod
    def _pass_on(client, kind, payload):
        try:
            client.sendall(frame(kind, 0, payload))
            if kind == "Q":
                client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the client has gone; its own thread ends the command


def shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it was closed before


def die_with_parent():
    """In QEMU's process: the kernel ends it if this process dies in whatever way."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
