"""Large replies, slow readers, many clients."""

import threading
import time

from conftest import command, scaled


def test_large_reply_to_a_slow_reader(server):
    client = server.client()
    pipe = client.pipeline(transaction=False)
    count = scaled(200) * 1000
    for i in range(0, count, 1000):
        pipe.rpush("list", *[b"%020d" % j for j in range(i, i + 1000)])
    pipe.execute()
    raw = server.raw()
    raw.send(command("LRANGE", "list", 0, -1) * 3 + command("PING"))
    time.sleep(0.2)
    started = time.time()
    assert client.ping()
    assert time.time() - started < 1
    for _ in range(3):
        assert raw.line() == b"*%d" % count
        body = raw.exactly(count * 27)
        assert body[:27] == b"$20\r\n%020d\r\n" % 0
        assert body[-27:] == b"$20\r\n%020d\r\n" % (count - 1)
    assert raw.line() == b"+PONG"


def test_reader_that_never_reads_is_bounded(server):
    client = server.client()
    client.set("big", b"x" * (1 << 20))
    lazy = server.raw()
    lazy.send(command("GET", "big") * 2000)
    time.sleep(0.5)
    resident = next(
        int(line.split()[1])
        for line in open(f"/proc/{server.process.pid}/status")
        if line.startswith("VmRSS")
    )
    assert resident < 400 * 1024
    assert client.ping()
    lazy.close()


def test_many_clients(server):
    clients = [server.raw() for _ in range(scaled(300))]
    for i, raw in enumerate(clients):
        raw.send(command("SET", f"c{i}", i) + command("GET", f"c{i}"))
    for i, raw in enumerate(clients):
        assert raw.line() == b"+OK"
        assert raw.exactly(len(b"$%d\r\n%d\r\n" % (len(str(i)), i))).endswith(b"\n%d\r\n" % i)
    for raw in clients:
        raw.close()


def test_io_threads(start):
    server = start(io_threads=3)
    failures = []

    def work(number):
        try:
            client = server.client()
            for i in range(scaled(200)):
                client.incr("sum")
                pipe = client.pipeline(transaction=False)
                for j in range(20):
                    pipe.set(f"{number}:{j}", i).get(f"{number}:{j}")
                assert pipe.execute() == [True, b"%d" % i] * 20
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert server.client().get("sum") == b"%d" % (6 * scaled(200))
    assert server.stop() == 0
