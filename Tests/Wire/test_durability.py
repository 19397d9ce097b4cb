"""What survives the end of the process, orderly or not."""

import re
import signal
import threading

import pytest

from conftest import TORTURE, command, scaled


def fill(client):
    client.set("string", "value")
    client.set("expiring", "value", ex=1000)
    client.rpush("list", *range(500))
    client.hset("hash", mapping={f"f{i}": i for i in range(500)})
    client.sadd("set", *[f"m{i}" for i in range(500)])
    client.sadd("numbers", *range(100))
    client.zadd("zset", {f"m{i}": i / 3 for i in range(500)})
    client.select(3)
    client.set("elsewhere", "value")
    client.select(0)


def check(client):
    assert client.get("string") == b"value"
    assert 900 < client.ttl("expiring") <= 1000
    assert client.lrange("list", 0, -1) == [b"%d" % i for i in range(500)]
    assert client.hgetall("hash") == {b"f%d" % i: b"%d" % i for i in range(500)}
    assert client.smembers("set") == {b"m%d" % i for i in range(500)}
    assert client.smembers("numbers") == {b"%d" % i for i in range(100)}
    assert client.zrange("zset", 0, -1, withscores=True) == [
        (b"m%d" % i, i / 3) for i in range(500)]
    assert client.dbsize() == 7
    client.select(3)
    assert client.get("elsewhere") == b"value"


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_restart(start, policy, number):
    server = start(appendfsync=policy)
    fill(server.client(single_connection_client=True))
    for _ in range(2):
        server.restart(number)
        check(server.client(single_connection_client=True))


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_acknowledged_writes_survive_a_kill(start, policy):
    """Clients write until the server is killed under them: what was answered is there."""
    server = start(appendfsync=policy)
    counts = [0] * 4

    def work(number):
        raw = server.raw()
        try:
            while True:
                raw.send(b"".join(
                    command("SET", f"{number}:{counts[number] + i}", "v" * 100) for i in range(10)))
                for _ in range(10):
                    if raw.line() != b"+OK":
                        return
                    counts[number] += 1
        except (OSError, EOFError):
            pass

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    threading.Timer(0.7, lambda: server.send_signal(signal.SIGKILL)).start()
    for thread in threads:
        thread.join()
    server.wait()
    assert sum(counts) > 0
    server.start()
    client = server.client()
    for number, count in enumerate(counts):
        pipe = client.pipeline(transaction=False)
        for i in range(count):
            pipe.exists(f"{number}:{i}")
        assert sum(pipe.execute()) == count


def test_transactions_are_whole_after_a_kill(start):
    server = start()
    raw = server.raw()

    def work():
        try:
            while True:
                raw.send(command("MULTI") + command("INCR", "a") + command("INCR", "b")
                         + command("RPUSH", "l", "x") + command("EXEC"))
                raw.line()
        except (OSError, EOFError):
            pass

    thread = threading.Thread(target=work)
    thread.start()
    threading.Timer(0.3, lambda: server.send_signal(signal.SIGKILL)).start()
    thread.join()
    server.wait()
    server.start()
    client = server.client()
    a, b, length = client.get("a"), client.get("b"), client.llen("l")
    assert a == b and int(a or 0) == length


def test_replies_of_always_keep_their_order(start):
    server = start(appendfsync="always")
    raw = server.raw()
    parts, expected = [], b""
    count = scaled(2000)
    for i in range(count):
        parts.append(command("SET", "k", i) + command("GET", "k"))
        expected += b"+OK\r\n$%d\r\n%d\r\n" % (len(str(i)), i)
    for at in range(0, count, 50):
        raw.send(b"".join(parts[at : at + 50]))
    assert raw.exactly(len(expected)) == expected


def test_shutdown_during_a_snapshot_keeps_the_newer_one(start):
    """A BGSAVE that is overtaken by SHUTDOWN SAVE must not put its older file in the place."""
    server = start(appendonly="no", enable_debug_command="yes")
    client = server.client(single_connection_client=True)
    client.execute_command("DEBUG", "POPULATE", scaled(400_000))
    client.bgsave()
    client.set("late", "value")
    raw = server.raw()
    raw.send(command("SHUTDOWN", "SAVE"))
    raw.rest()
    assert server.wait() == 0
    server.start()
    client = server.client(single_connection_client=True)
    assert client.get("late") == b"value"
    assert client.dbsize() == scaled(400_000) + 1


def test_a_long_log_is_read_ahead(start):
    """Of a log that is worth it, a second thread looks the keys up; the server's log says so."""
    server = start()
    count = scaled(10_000)

    def write(value):
        raw = server.raw()
        for first in range(0, count, 500):
            raw.send(b"".join(
                command("SET", f"key:{n}", value) for n in range(first, first + 500)))
            assert raw.exactly(2500) == b"+OK\r\n" * 500

    write("a" * 1000)
    server.restart()
    write("b" * 1000)
    server.restart(signal.SIGKILL)
    client = server.client()
    assert client.dbsize() == count and client.get(f"key:{count - 1}") == b"b" * 1000
    if not TORTURE:
        found = re.search(r"(\d+) effects replayed, .* (\d+) keys read ahead", server.log())
        assert found, server.log()
        assert int(found[1]) == count and int(found[2]) > 0, found[0]
