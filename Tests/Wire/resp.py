"""A RESP client that keeps the type of every reply, for comparing servers exactly.

A reply is a tuple of its type byte and its content: ("+", b"OK"), ("$", None), (":", 3),
("*", [reply, …]), ("%", [(reply, reply), …]), (",", b"1.5"), ("_", None)."""

import socket


def word(value):
    return value if isinstance(value, bytes) else str(value).encode()


def request(args):
    """A request as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        arg = word(arg)
        parts.append(b"$%d\r\n%s\r\n" % (len(arg), arg))
    return b"".join(parts)


class Connection:
    """One connection; `call` asks, `pipeline` asks many at once."""

    def __init__(self, port, timeout=30):
        self.port = port
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb", buffering=1 << 16)

    def send(self, *commands):
        self.sock.sendall(b"".join(map(request, commands)))

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("the connection was closed")
        kind, body = chr(line[0]), line[1:-2]
        if kind == ":":
            return kind, int(body)
        if kind in "$=":
            count = int(body)
            if count < 0:
                return kind, None
            data = self.file.read(count + 2)
            if len(data) != count + 2:
                raise EOFError("the connection was closed")
            assert data.endswith(b"\r\n"), data[-20:]
            return kind, data[:-2]
        if kind in "*~>":
            count = int(body)
            return kind, None if count < 0 else [self.read() for _ in range(count)]
        if kind == "%":
            return kind, [(self.read(), self.read()) for _ in range(int(body))]
        if kind == "_":
            return kind, None
        assert kind in "+-,#(", line
        return kind, body

    def pipeline(self, commands):
        self.send(*commands)
        return [self.read() for _ in commands]

    def call(self, *args):
        self.send(args)
        return self.read()

    def plain(self, *args):
        """The reply as Python values; an error reply is raised."""
        return plain(self.call(*args))

    def close(self):
        self.file.close()
        self.sock.close()


class ReplyError(Exception):
    """An error reply."""


def plain(reply):
    kind, value = reply
    if kind == "-":
        raise ReplyError(value.decode(errors="replace"))
    if kind == "%":
        return [plain(x) for pair in value for x in pair]
    return [plain(x) for x in value] if isinstance(value, list) else value
