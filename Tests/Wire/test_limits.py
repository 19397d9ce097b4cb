"""Limits on clients and buffers, and who is let in."""

import os
import socket
import subprocess
import time

import pytest
import redis

from conftest import BINARY, Raw, command, free_port, scaled


def test_maxclients(start):
    server = start(maxclients=5)
    time.sleep(0.2)  # the end of the connection that found the server ready is noticed
    clients = [server.raw() for _ in range(5)]
    for raw in clients:
        assert raw.ask(command("PING")) == b"+PONG"
    late = server.raw()
    late.send(command("PING"))
    assert late.rest() == b"-ERR max number of clients reached\r\n"
    clients.pop().close()
    time.sleep(0.1)
    assert server.raw().ask(command("PING")) == b"+PONG"


def test_query_buffer_limit(start):
    server = start(client_query_buffer_limit="1mb")
    raw = server.raw()
    raw.send(b"*2\r\n$3\r\nGET\r\n$5000000\r\n")
    with pytest.raises((ConnectionError, EOFError)):
        for _ in range(50):
            raw.send(b"x" * 100_000)
        raw.line()
    # Many small requests are no large one.
    other = server.raw()
    other.send(command("SET", "k", b"x" * 1000) * scaled(5000))
    assert other.exactly(5 * scaled(5000)) == b"+OK\r\n" * scaled(5000)
    assert "max query buffer" in server.log()


def test_bulk_length_limit(start):
    server = start(proto_max_bulk_len="1mb")
    assert server.raw().ask(b"*1\r\n$1048577\r\n") == b"-ERR Protocol error: invalid bulk length"


@pytest.mark.parametrize("limit", [["normal", "1mb", 0, 0], ["normal", 0, "100kb", 1]])
def test_output_limit_of_normal_clients(start, limit):
    server = start(client_output_buffer_limit=limit)
    client = server.client()
    client.set("big", b"x" * 1_000_000)
    raw = server.raw()
    raw.send(command("GET", "big") * 30)
    deadline = time.time() + 10
    while "overcoming of output buffer limits" not in server.log():
        assert time.time() < deadline
        time.sleep(0.05)
    assert len(raw.rest()) < 30 * 1_000_000
    assert client.get("big") == b"x" * 1_000_000


def test_output_limit_of_subscribers(start):
    server = start(client_output_buffer_limit=["pubsub", "1mb", 0, 0])
    raw = server.raw()
    raw.send(command("SUBSCRIBE", "c"))
    assert raw.line() == b"*3"
    client = server.client()
    for _ in range(200):
        if client.publish("c", b"x" * 100_000) == 0:
            break
        time.sleep(0.005)
    else:
        pytest.fail("the subscriber was not closed")


def test_timeout(start):
    server = start(timeout=1)
    idle, subscriber = server.raw(5), server.raw(5)
    subscriber.send(command("SUBSCRIBE", "c"))
    assert subscriber.line() == b"*3"
    started = time.time()
    assert idle.rest() == b""
    assert 0.8 < time.time() - started < 4
    subscriber.exactly(len(b"$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"))
    assert server.client().publish("c", "still here") == 1


def test_unauthenticated_limits(start):
    server = start(requirepass="secret")
    assert server.raw().ask(command("GET", "a")) == b"-NOAUTH Authentication required."
    assert server.raw().ask(b"*11\r\n") == (
        b"-ERR Protocol error: unauthenticated multibulk length")
    assert server.raw().ask(b"*1\r\n$16385\r\n") == (
        b"-ERR Protocol error: unauthenticated bulk length")
    raw = server.raw()
    raw.send(command("AUTH", "secret") + command("SET", "a", b"x" * 20000) + command("STRLEN", "a"))
    assert raw.exactly(18) == b"+OK\r\n+OK\r\n:20000\r\n"


def outside_address():
    """An address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            address = s.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


@pytest.mark.skipif(outside_address() is None, reason="no address but loopback")
def test_protected_mode(start):
    address = outside_address()
    server = start(bind="*")
    raw = Raw(socket.create_connection((address, server.port), timeout=5))
    raw.send(command("PING"))
    assert raw.rest().startswith(b"-DENIED Redis is running in protected mode")
    assert server.raw().ask(command("PING")) == b"+PONG"
    server = start(bind="*", protected_mode="no")
    raw = Raw(socket.create_connection((address, server.port), timeout=5))
    assert raw.ask(command("PING")) == b"+PONG"


def test_unix_socket_and_no_port(start, tmp_path):
    path = str(tmp_path / "firn.sock")
    port = free_port()
    arguments = [BINARY, "--port", "0", "--unixsocket", path, "--unixsocketperm", "700",
                 "--dir", str(tmp_path)]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    try:
        deadline = time.time() + 10
        while not os.path.exists(path) and time.time() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        assert os.stat(path).st_mode & 0o777 == 0o700
        client = redis.Redis(unix_socket_path=path)
        assert client.ping()
        client.close()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
    finally:
        process.terminate()
        assert process.wait(20) == 0
    assert not os.path.exists(path)


def test_kill_from_outside(server):
    victim = server.raw()
    number = int(victim.ask(command("CLIENT", "ID"))[1:])
    assert server.client().execute_command("CLIENT", "KILL", "ID", number) == 1
    assert victim.rest() == b""


def test_buffers_are_counted(server):
    raw = server.raw()
    raw.send(b"*2\r\n$3\r\nGET\r\n$50000000\r\n" + b"x" * 20_000_000)
    client = server.client()
    deadline = time.time() + 5
    while client.info("memory")["used_memory"] < 20_000_000 and time.time() < deadline:
        time.sleep(0.05)
    assert client.info("memory")["used_memory"] > 20_000_000
    raw.close()
    while client.info("memory")["used_memory"] > 20_000_000 and time.time() < deadline:
        time.sleep(0.05)
    assert client.info("memory")["used_memory"] < 20_000_000


def test_client_pause(server):
    client = server.client()
    other = server.client()
    client.client_pause(300, all=False)
    started = time.time()
    assert other.get("a") is None
    assert time.time() - started < 0.2
    pipe = other.pipeline(transaction=False)
    count = scaled(5000)
    for i in range(count):
        pipe.set("a", i)
    assert pipe.execute() == [True] * count
    assert 0.2 < time.time() - started < 5
    assert client.get("a") == b"%d" % (count - 1)


def test_port_changes_while_running(server):
    client = server.client()
    port, old = free_port(), server.port
    assert client.config_set("port", port)
    server.port = port
    assert server.client().ping()
    assert client.ping()
    deadline = time.time() + 5
    while time.time() < deadline:
        try:
            socket.create_connection(("127.0.0.1", old), timeout=1).close()
            time.sleep(0.02)
        except OSError:
            break
    else:
        pytest.fail("the old port is still open")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(redis.ResponseError, match="Unable to listen on this port"):
            client.config_set("port", taken.getsockname()[1])
    assert server.raw().ask(command("PING")) == b"+PONG"
    assert client.config_get("port") == {"port": str(port)}


def test_monitor(server):
    watcher = server.raw()
    assert watcher.ask(command("MONITOR")) == b"+OK"
    server.client().set("seen", "1")
    while b'"SET" "seen" "1"' not in watcher.line():
        pass
    watcher.close()


def test_a_long_pipeline_is_sent_before_a_reply_is_read(start):
    """However small the budget: the client would wait for ever."""
    server = start(maxmemory="16mb")
    server.client().set("k", "v" * 200)
    count = scaled(400_000)
    raw = server.raw()
    raw.send(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" * count)
    expected = b"$200\r\n" + b"v" * 200 + b"\r\n"
    assert raw.exactly(len(expected) * count) == expected * count
