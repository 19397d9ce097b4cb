"""Messages between connections, and what a subscriber may do."""

import time

from conftest import command, scaled


def test_messages(server):
    raw = server.raw()
    raw.send(command("SUBSCRIBE", "news", "other") + command("PSUBSCRIBE", "n*"))
    for kind, name, count in [("subscribe", "news", 1), ("subscribe", "other", 2),
                              ("psubscribe", "n*", 3)]:
        expected = command(kind, name)[4:] + b":%d\r\n" % count
        assert raw.line() == b"*3"
        assert raw.exactly(len(expected)) == expected
    client = server.client()
    assert client.publish("news", "hello") == 2
    expected = command("message", "news", "hello") + command("pmessage", "n*", "news", "hello")
    assert raw.exactly(len(expected)) == expected
    assert raw.ask(command("GET", "x")).startswith(b"-ERR Can't execute 'get'")
    raw.send(command("PING"))
    assert raw.exactly(len(b"*2\r\n$4\r\npong\r\n$0\r\n\r\n")) == b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"
    raw.close()
    deadline = time.time() + 5
    while client.publish("news", "nobody") and time.time() < deadline:
        time.sleep(0.01)
    assert client.publish("news", "nobody") == 0


def test_resp3_push(server):
    client = server.client(protocol=3)
    subscriber = client.pubsub()
    subscriber.subscribe("c")
    assert subscriber.get_message(timeout=5)["type"] == "subscribe"
    server.client().publish("c", b"\x00data")
    message = subscriber.get_message(timeout=5)
    assert message["type"] == "message" and message["data"] == b"\x00data"
    subscriber.close()


def test_many_messages_in_order(server):
    subscriber = server.raw()
    subscriber.send(command("SUBSCRIBE", "flood"))
    subscriber.exactly(len(b"*3\r\n$9\r\nsubscribe\r\n$5\r\nflood\r\n:1\r\n"))
    count = scaled(5000)
    pipe = server.client().pipeline(transaction=False)
    for i in range(count):
        pipe.publish("flood", "%06d" % i)
    assert pipe.execute() == [1] * count
    one = len(command("message", "flood", "000000"))
    for i in range(count):
        assert subscriber.exactly(one) == command("message", "flood", "%06d" % i)
    subscriber.close()


def test_expired_event_arrives_by_itself(start):
    server = start(notify_keyspace_events="Ex")
    subscriber = server.client().pubsub()
    subscriber.subscribe("__keyevent@0__:expired")
    assert subscriber.get_message(timeout=5)["type"] == "subscribe"
    server.client().set("short", 1, px=50)
    started = time.time()
    message = subscriber.get_message(timeout=5)
    assert message and message["data"] == b"short"
    assert time.time() - started < 1
    subscriber.close()
