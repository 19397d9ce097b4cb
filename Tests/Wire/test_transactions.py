"""MULTI, EXEC and WATCH between connections."""

import threading

import pytest
import redis

from conftest import command, scaled


def test_multi(server):
    raw = server.raw()
    raw.send(command("MULTI") + command("SET", "a", 1) + command("INCR", "a") + command("EXEC"))
    expected = b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:2\r\n"
    assert raw.exactly(len(expected)) == expected
    raw.send(command("MULTI") + command("NOSUCH") + command("EXEC"))
    assert raw.line() == b"+OK"
    assert raw.line().startswith(b"-ERR unknown command")
    assert raw.line().startswith(b"-EXECABORT")


def test_watch(server):
    one, two = server.client(), server.client()
    with one.pipeline() as pipe:
        pipe.watch("w")
        two.set("w", 1)
        pipe.multi()
        pipe.set("w", 2)
        with pytest.raises(redis.WatchError):
            pipe.execute()
    assert two.get("w") == b"1"
    with one.pipeline() as pipe:
        pipe.watch("w")
        two.set("elsewhere", 1)
        pipe.multi()
        pipe.set("w", 2)
        assert pipe.execute() == [True]


def test_optimistic_counters(server):
    def work():
        client = server.client()
        for _ in range(scaled(50) + 1):
            client.transaction(
                lambda pipe: (
                    lambda value: (pipe.multi(), pipe.set("counter", value + 1))
                )(int(pipe.get("counter") or 0)),
                "counter",
            )

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.client().get("counter") == b"%d" % (4 * (scaled(50) + 1))


def test_exec_sees_nothing_between(server):
    stop = threading.Event()

    def move():
        client = server.client()
        while not stop.is_set():
            pipe = client.pipeline()
            pipe.decr("from").incr("to")
            pipe.execute()

    thread = threading.Thread(target=move)
    thread.start()
    client = server.client()
    for _ in range(scaled(200)):
        values = client.mget("from", "to")
        assert sum(int(v or 0) for v in values) == 0
    stop.set()
    thread.join()
