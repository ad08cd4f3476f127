"""The control socket of a running lab: each client has one command run in one dom0."""
import json
import socket
import struct
import threading
from pathlib import Path

from lablib.errors import LabError
from lablib.frames import frame, receive_frame


class Server:
    """Serves clients on a control socket: their frames go to a host's agent, and the agent's frames to them.

    control  the socket's path
    find     the link to a host by its number, or None where none answers
    stop     called when a client asks for the lab's end
    """

    def __init__(self, control, find, stop):
        self._control, self._find, self._stop = Path(control), find, stop
        self._control.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(control)
            except OSError:
                self._control.unlink(missing_ok=True)
            else:
                raise LabError(f"a lab named {self._control.name} is up already; choose another --name or end it with tests/lab/stop")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(control)
        self._listener.listen(64)
        self._closing = threading.Lock()
        self._is_closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Lets no more clients in; those that are served go on until their host's link ends. May be called twice: the name may be another lab's by then."""
        with self._closing:
            if not self._is_closed:
                self._is_closed = True
                self._control.unlink(missing_ok=True)
                self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                kind, _, payload = receive_frame(connection)
                if kind == "S":
                    # Whoever hears that the lab ends finds it no more.
                    self.close()
                    self._stop()
                    connection.sendall(frame("Q", 0, struct.pack("<i", 0)))
                    return
                self._run(connection, json.loads(payload))
            except (EOFError, OSError):
                return

    def _run(self, connection, request):
        link = self._find(request["host"])
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
