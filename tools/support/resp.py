"""A Redis client in plain sockets: pipelines of any length, replies as bytes, integers and lists.

Only the standard library, so that the tools run on a fresh machine, and fast enough that the
client is not what a tool measures."""

import select
import socket


class ReplyError(Exception):
    """An error reply."""


class Disconnected(Exception):
    """The server closed the connection, or was killed."""


def request(*words):
    """One command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


class Connection:
    """A connection. `call` waits for one reply, `pipeline` sends everything and collects."""

    def __init__(self, port, timeout=120):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout = timeout
        self.buffer = b""
        self.position = 0

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, *words):
        """The reply; an error reply is raised."""
        self.send(request(*words))
        reply = self.reply()
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def pipeline(self, commands):
        """The replies of all commands, in order. The first error reply is raised at the end."""
        replies = self.exchange(b"".join(request(*words) for words in commands), len(commands))
        for reply in replies:
            if isinstance(reply, ReplyError):
                raise reply
        return replies

    def exchange(self, data, count):
        """Sends bytes and reads `count` replies, doing both at once, so that neither end can
        wait for the other however much there is."""
        view, sent = memoryview(data), 0
        self.socket.setblocking(False)
        try:
            while sent < len(view):
                readable, writable, _ = select.select(
                    [self.socket], [self.socket], [], self.timeout)
                if not readable and not writable:
                    raise Disconnected("timed out")
                if readable:
                    self.receive()
                if writable:
                    sent += self.socket.send(view[sent:sent + (1 << 20)])
        except (ConnectionError, BlockingIOError) as error:
            raise Disconnected(str(error)) from error
        finally:
            self.socket.settimeout(self.timeout)
        return [self.reply() for _ in range(count)]

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Disconnected(str(error)) from error

    def receive(self):
        try:
            data = self.socket.recv(1 << 20)
        except OSError as error:
            raise Disconnected(str(error)) from error
        if not data:
            raise Disconnected("closed by the server")
        self.buffer = self.buffer[self.position:] + data
        self.position = 0

    def line(self):
        while (end := self.buffer.find(b"\r\n", self.position)) < 0:
            self.receive()
        line = self.buffer[self.position:end]
        self.position = end + 2
        return line

    def exactly(self, count):
        missing = count - (len(self.buffer) - self.position)
        if missing > 0:
            parts = [self.buffer[self.position:]]
            self.buffer, self.position = b"", 0
            while missing > 0:
                self.receive()
                parts.append(self.buffer)
                missing -= len(self.buffer)
                self.buffer = b""
            self.buffer = b"".join(parts)
        data = self.buffer[self.position:self.position + count]
        self.position += count
        return data

    def reply(self):
        """The next reply; error replies are returned, not raised."""
        line = self.line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self.exactly(length + 2)[:-2]
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest
        if kind == b"*":
            count = int(rest)
            return None if count < 0 else [self.reply() for _ in range(count)]
        if kind == b"-":
            return ReplyError(rest.decode(errors="replace"))
        raise ValueError(f"not a reply: {line[:60]!r}")
