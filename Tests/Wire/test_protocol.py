"""Requests cut, piled up and broken in every way."""

import random
import socket

import pytest

from conftest import command, scaled


def test_byte_by_byte(server):
    raw = server.raw()
    raw.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in command("SET", "key", "v\r\nalue") + command("GET", "key") + b"PING\r\n":
        raw.send(bytes([byte]))
    assert raw.line() == b"+OK"
    assert raw.exactly(13) == b"$7\r\nv\r\nalue\r\n"
    assert raw.line() == b"+PONG"


def test_random_pieces(server):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    stream, expected = b"", b""
    for i in range(scaled(300)):
        value = bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 20, 500, 5000])))
        stream += command("SET", f"k{i % 7}", value) + command("GET", f"k{i % 7}")
        expected += b"+OK\r\n$%d\r\n%s\r\n" % (len(value), value)
    raw = server.raw()
    at = 0
    while at < len(stream):
        count = rng.choice([1, 2, 3, 17, 100, 4096, 70000])
        raw.send(stream[at : at + count])
        at += count
    assert raw.exactly(len(expected)) == expected


def test_pipeline_of_ten_thousand(server):
    raw = server.raw()
    count = scaled(10000)
    raw.send(b"".join(command("SET", f"key:{i}", i) for i in range(count)))
    assert raw.exactly(5 * count) == b"+OK\r\n" * count
    raw.send(b"".join(command("GET", f"key:{i}") for i in range(count)))
    expected = b"".join(b"$%d\r\n%d\r\n" % (len(str(i)), i) for i in range(count))
    assert raw.exactly(len(expected)) == expected


def test_pipeline_sent_whole_before_replies_are_read(server):
    """The replies are larger than every buffer on the way."""
    client = server.client()
    client.set("big", b"x" * 100_000)
    raw = server.raw()
    count = scaled(1500)
    raw.send(command("GET", "big") * count)
    raw.send(command("SET", "filler", b"y" * 1000) * scaled(20000))
    one = b"$100000\r\n" + b"x" * 100_000 + b"\r\n"
    for _ in range(count):
        assert raw.exactly(len(one)) == one
    assert raw.exactly(5 * scaled(20000)) == b"+OK\r\n" * scaled(20000)


@pytest.mark.parametrize("size", [16384, 1 << 20, 64 << 20])
def test_large_values(server, size):
    value = random.Random(size).randbytes(size)
    client = server.client()
    assert client.set("large", value)
    assert client.strlen("large") == size
    assert client.get("large") == value


def test_inline(server):
    raw = server.raw()
    assert raw.ask(b"SET inline \"a\\x41\\n\"\r\n") == b"+OK"
    raw.send(b"\r\n\r\nGET inline\n")
    assert raw.exactly(9) == b"$3\r\naA\n\r\n"
    assert raw.ask(b"  PING  \r\n") == b"+PONG"
    assert raw.ask(command("ECHO", "")) == b"$0"


@pytest.mark.parametrize(
    "data, error",
    [
        (b"*1\r\n:3\r\n", b"expected '$', got ':'"),
        (b"*x\r\n", b"invalid multibulk length"),
        (b"*99999999999\r\n", b"invalid multibulk length"),
        (b"*1\r\n$-5\r\n", b"invalid bulk length"),
        (b"*1\r\n$x\r\n", b"invalid bulk length"),
        (b"*1\r\n$99999999999999\r\n", b"invalid bulk length"),
        (b"*2\r\n$3\r\nGET\r\n$536870913\r\n", b"invalid bulk length"),
        (b"SET \"unbalanced\r\n", b"unbalanced quotes in request"),
        (b"x" * 70000, b"too big inline request"),
        (b"*" + b"1" * 70000, b"too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 70000, b"too big bulk count string"),
    ],
)
def test_malformed(server, data, error):
    raw = server.raw()
    raw.send(command("PING") + data)
    assert raw.line() == b"+PONG"
    assert raw.line() == b"-ERR Protocol error: " + error
    assert raw.rest() == b""


def test_error_reply_survives_further_input(server):
    raw = server.raw()
    try:
        raw.send(b"*1\r\n:3\r\n" + b"z" * 3_000_000)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert raw.line().startswith(b"-ERR Protocol error")


def test_empty_and_null_arrays_are_skipped(server):
    raw = server.raw()
    assert raw.ask(b"*0\r\n*-1\r\n" + command("PING")) == b"+PONG"


def test_half_close(server):
    """What came before the end of the input is executed and answered."""
    raw = server.raw()
    raw.send(command("SET", "half", "1") + command("GET", "half") + b"*2\r\n$3\r\nGE")
    raw.sock.shutdown(socket.SHUT_WR)
    assert raw.rest() == b"+OK\r\n$1\r\n1\r\n"


def test_requests_of_a_client_that_has_gone(server):
    raw = server.raw()
    raw.send(b"".join(command("RPUSH", "gone", i) for i in range(scaled(5000))))
    raw.close()
    client = server.client()
    for _ in range(200):
        client.ping()
    # Whole requests or none, in order.
    values = client.lrange("gone", 0, -1)
    assert values == [b"%d" % i for i in range(len(values))]


def test_quit(server):
    raw = server.raw()
    raw.send(command("QUIT") + command("PING"))
    assert raw.rest() == b"+OK\r\n"


def test_hello(server):
    raw = server.raw()
    assert raw.ask(command("HELLO", "3")).startswith(b"%")
    raw.send(command("GET", "nothing"))
    lines = []
    while (line := raw.line()) != b"_":
        lines.append(line)
    assert b"server" in lines and b":3" in lines
    assert raw.ask(command("HELLO", "4")).startswith(b"-NOPROTO")
    client = server.client(protocol=3)
    client.hset("h", mapping={"a": 1, "b": 2})
    assert client.hgetall("h") == {b"a": b"1", b"b": b"2"}
