"""The command channel into one dom0, in the process that holds the lab."""
import signal
import socket
import threading
import time

from lablib.errors import LabError
from lablib.frames import frame, receive_frame


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
