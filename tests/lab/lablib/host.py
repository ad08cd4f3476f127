"""A dom0 of a running lab, and the commands that run in it."""
import contextlib
import json
import signal
import socket
import struct
import time
from dataclasses import dataclass

from lablib.errors import LabError
from lablib.frames import MAX_PAYLOAD, frame, receive_frame


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


class Process:
    """A running command in a dom0. `wait` collects it; `write` and `end_input` feed it; `kill` ends it."""

    def __init__(self, connection, command):
        self.command = command
        self.code = None
        self._connection = connection
        self._started = time.monotonic()

    def write(self, data):
        for start in range(0, len(data), MAX_PAYLOAD):
            self._send(frame("I", 0, data[start:start + MAX_PAYLOAD]))

    def end_input(self):
        self._send(frame("E"))

    def kill(self, number=signal.SIGKILL):
        self._send(frame("K", 0, bytes([number])))

    def _send(self, data):
        # A command may have ended before it is told anything more; how it ended is read afterwards.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.sendall(data)

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
