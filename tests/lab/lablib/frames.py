"""The frames of the command channel into a dom0; images/dom0/agent.c has the list of their kinds."""
import struct

HEADER = struct.Struct("<IIB")
MAX_PAYLOAD = 1 << 16


def frame(kind, channel=0, payload=b""):
    """One frame of a kind (a letter), as bytes."""
    return HEADER.pack(len(payload), channel, ord(kind)) + payload


def receive_frame(connection):
    """The next frame of a socket: kind, channel and payload. EOFError where the socket has ended."""
    length, channel, kind = HEADER.unpack(_receive_exactly(connection, HEADER.size))
    return chr(kind), channel, _receive_exactly(connection, length)


def _receive_exactly(connection, count):
    data = bytearray()
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
