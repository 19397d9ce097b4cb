"""Servers for the tests over the wire: each on a free port, in a directory of its own, ended by
its process id.

FIRN_SERVER names another executable; FIRN_TORTURE=1 starts every server so that it spills each
key to the cold tier after each command."""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest
import redis

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("FIRN_SERVER", str(ROOT / ".build" / "release" / "firn-server"))
TORTURE = os.environ.get("FIRN_TORTURE") == "1"


def scaled(count):
    """How often to do something; less often where each command goes to the disk."""
    return count // 20 if TORTURE else count


def free_port():
    """A port that nothing uses, below those that outgoing connections are given: a server that
    is started again finds it free."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Server:
    """A running server."""

    def __init__(self, directory, options):
        self.directory = pathlib.Path(directory)
        self.options = dict(options)
        self.port = int(self.options.pop("port", 0)) or free_port()
        self.log_path = self.directory / "server.out"
        self.process = None
        self.clients = []
        self.environment = {}

    def arguments(self):
        arguments = [BINARY, "--port", str(self.port), "--dir", str(self.directory)]
        if TORTURE:
            # Small partitions, so that the little data of a test has many.
            arguments += ["--debug-spill-every-command", "yes", "--cold-partition-bytes", "16kb"]
        for name, value in self.options.items():
            words = value if isinstance(value, (list, tuple)) else [value]
            arguments += ["--" + name.replace("_", "-"), *map(str, words)]
        return arguments

    def start(self, until_loaded=True):
        """Starts and waits for its data, or only until it takes connections."""
        with open(self.log_path, "ab") as out:
            self.process = subprocess.Popen(self.arguments(), stdout=out, stderr=out,
                                            env={**os.environ, **self.environment})
        deadline = time.time() + 60
        while True:
            assert self.process.poll() is None, self.log()
            try:
                raw = self.raw()
                try:
                    if not until_loaded or not raw.ask(b"PING\r\n").startswith(b"-LOADING"):
                        return self
                finally:
                    raw.close()
            except (OSError, EOFError):
                pass
            assert time.time() < deadline, self.log()
            time.sleep(0.01)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def client(self, **options):
        client = redis.Redis(port=self.port, socket_timeout=20, **options)
        self.clients.append(client)
        return client

    def raw(self, timeout=20):
        return Raw(socket.create_connection(("127.0.0.1", self.port), timeout=timeout))

    def send_signal(self, number):
        os.kill(self.process.pid, number)

    def wait(self, timeout=20):
        return self.process.wait(timeout)

    def stop(self, number=signal.SIGTERM):
        """Ends the server; returns its exit status."""
        for client in self.clients:
            client.close()
        self.clients = []
        if self.process.poll() is None:
            self.send_signal(number)
        return self.wait()

    def restart(self, number=signal.SIGTERM):
        self.stop(number)
        return self.start()


class Raw:
    """A plain socket with a few helpers."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        while b"\r\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def exactly(self, count):
        parts = [self.buffer]
        have = len(self.buffer)
        while have < count:
            data = self.sock.recv(min(1 << 20, count - have + 65536))
            if not data:
                raise EOFError(have)
            parts.append(data)
            have += len(data)
        whole = b"".join(parts)
        self.buffer = whole[count:]
        return whole[:count]

    def rest(self):
        """Everything up to the end of the stream."""
        parts = [self.buffer]
        try:
            while data := self.sock.recv(65536):
                parts.append(data)
        except ConnectionResetError:
            pass
        self.buffer = b""
        return b"".join(parts)

    def ask(self, data):
        self.send(data)
        return self.line()

    def close(self):
        self.sock.close()


def command(*words):
    """A request as an array of bulk strings."""
    out = b"*%d\r\n" % len(words)
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        out += b"$%d\r\n%s\r\n" % (len(word), word)
    return out


@pytest.fixture
def start():
    """Starts servers with options: start(appendfsync="always")."""
    servers, directories = [], []

    def begin(**options):
        directory = tempfile.mkdtemp(prefix="firn-wire-")
        directories.append(directory)
        server = Server(directory, options)
        servers.append(server)
        return server.start()

    yield begin
    for server in servers:
        if server.process and server.process.poll() is None:
            server.stop(signal.SIGKILL)
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def shared():
    """One server for the tests of a file that need nothing special."""
    directory = tempfile.mkdtemp(prefix="firn-wire-")
    server = Server(directory, {}).start()
    yield server
    assert server.process.poll() is None, server.log()
    assert server.stop() == 0, server.log()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def server(shared):
    """The shared server, emptied."""
    client = shared.client()
    client.flushall()
    return shared
