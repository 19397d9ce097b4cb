"""Small cases that random tests found."""

import re
import time

import pytest

from conftest import TORTURE, command
from fuzz import sealed
from resp import Connection


@pytest.mark.parametrize("ending", ["pipeline", "MULTI"])
def test_checkpoint_asked_for_behind_a_write(start, ending):
    """The log's batch is open when BGREWRITEAOF runs."""
    server = start()
    connection = Connection(server.port)
    asking = [("SET", "key", 1), ("BGREWRITEAOF",), ("INCR", "key")]
    if ending == "MULTI":
        asking = [("MULTI",), *asking, ("EXEC",)]
    before = connection.plain("INFO", "persistence")
    assert before
    replies = connection.pipeline(asking)
    assert all(reply[0] != "-" for reply in replies), replies
    assert connection.plain("GET", "key") == b"2"
    deadline = time.time() + 10
    while b"aof_rewrite_in_progress:1" in connection.plain("INFO", "persistence"):
        assert time.time() < deadline
    connection.close()
    server.restart(9)
    connection = Connection(server.port)
    assert connection.plain("GET", "key") == b"2"
    connection.close()


def test_unknown_subcommand_spoils_a_transaction(server):
    connection = Connection(server.port)
    replies = connection.pipeline(
        [("MULTI",), ("OBJECT", "ENCODING"), ("SET", "key", 1), ("EXEC",)])
    assert replies[1] == ("-", b"ERR wrong number of arguments for 'object|encoding' command")
    assert replies[3][1].startswith(b"EXECABORT")
    assert connection.plain("EXISTS", "key") == 0
    replies = connection.pipeline([("MULTI",), ("UNWATCH",), ("EXEC",)])
    assert replies[1] == ("+", b"QUEUED")
    assert replies[2] == ("*", [("+", b"OK")])
    connection.close()


def test_refused_exec_ends_the_transaction(server):
    connection = Connection(server.port)
    replies = connection.pipeline([("MULTI",), ("SET", "key", 1), ("EXEC", "now"), ("EXEC",)])
    assert replies[2] == ("-", b"EXECABORT Transaction discarded because of: "
                               b"wrong number of arguments for 'exec' command")
    assert replies[3] == ("-", b"ERR EXEC without MULTI")
    connection.close()


def test_no_oom_while_keys_are_on_their_way_to_the_cold_tier(start):
    server = start(maxmemory="2mb")
    connection = Connection(server.port)
    for _ in range(10):
        replies = connection.pipeline([("SET", f"key:{i}", b"x" * 1000) for i in range(3000)])
        assert set(replies) == {("+", b"OK")}
    assert connection.plain("DBSIZE") == 3000
    connection.close()


def test_expiry_at_the_end_of_time(server):
    """The maintenance thread and INFO count with times that fill an Int64."""
    connection = Connection(server.port)
    last = 9223372036854775807
    replies = connection.pipeline(
        [("SET", "a", 1, "PXAT", last), ("SET", "b", 1, "PXAT", last), ("SET", "c", 1),
         ("PEXPIREAT", "c", last - 1)])
    assert all(reply[0] != "-" for reply in replies), replies
    # `expires` and `avg_ttl` are those of the hot tier.
    hot = b"keys=3,expires=0,avg_ttl=0" if TORTURE else b"keys=3,expires=3,avg_ttl=92"
    assert hot in connection.plain("INFO", "keyspace")
    deadline = time.time() + 0.3
    while time.time() < deadline:
        assert connection.plain("PEXPIRETIME", "a") == last
    connection.close()


def test_options_in_the_order_of_redis(server):
    connection = Connection(server.port)
    positive = ("-", b"ERR count should be greater than 0")
    assert connection.call("LMPOP", 1, "l", "LEFT", "COUNT", -2, "extra") == positive
    assert connection.call("LMPOP", 1, "l", "LEFT", "COUNT", 2, "extra") == (
        "-", b"ERR syntax error")
    assert connection.call("ZRANGE", "z", "x", "y", "BYSCORE", "REV", "REV") == (
        "-", b"ERR syntax error")
    connection.call("RPUSH", "l", "a", "b", "a")
    least = -9223372036854775808
    assert connection.call("LPOS", "l", "a", "RANK", least) == (":", 2)
    connection.close()


def test_sort_unpacks_sorted_sets(server):
    """As in Redis, which also keeps -0 in its skip lists only; spilling does not change it."""
    connection = Connection(server.port)
    connection.call("ZADD", "z", 1, "a")
    assert connection.plain("OBJECT", "ENCODING", "z") == b"listpack"
    assert connection.plain("SORT", "z", "BY", "nosort") == [b"a"]
    connection.call("ZADD", "z", "-0", "b")
    for _ in range(2):
        assert connection.plain("OBJECT", "ENCODING", "z") == b"skiplist"
        assert connection.plain("ZSCORE", "z", "b") == b"-0"
        connection.plain("TIER", "SPILL", "z")
    connection.close()


def test_sort_by_text_with_zero_bytes_and_space(server):
    connection = Connection(server.port)
    connection.call("RPUSH", "l", b"\x00\xff", b"-1\x00x", b" 7", b"")
    assert connection.plain("SORT", "l") == [b"-1\x00x", b"", b"\x00\xff", b" 7"]
    connection.call("RPUSH", "l", b"7 ")
    assert connection.call("SORT", "l")[1].endswith(b"can't be converted into double")
    connection.close()


def test_stored_ranges_grow_as_in_redis(server):
    """ZRANGESTORE begins with a listpack, which keeps no -0, in the order of the query."""
    connection = Connection(server.port)
    connection.call("ZADD", "z", 1, "x" * 100, "-0", "a")
    assert connection.plain("ZSCORE", "z", "a") == b"-0"
    connection.call("ZRANGESTORE", "up", "z", 0, -1)
    connection.call("ZRANGESTORE", "down", "z", 0, -1, "REV")
    assert connection.plain("ZSCORE", "up", "a") == b"0"
    assert connection.plain("ZSCORE", "down", "a") == b"-0"
    assert connection.plain("OBJECT", "ENCODING", "up") == b"skiplist"
    connection.call("ZDIFFSTORE", "diff", 1, "z")
    connection.close()


def test_what_follows_quit_is_not_read(server):
    raw = server.raw()
    raw.send(b"PING\r\nQUIT\r\nSET a '\r\n*x\r\n")
    assert raw.rest() == b"+PONG\r\n+OK\r\n"
    raw.close()


def test_errors_quote_bytes(server):
    raw = server.raw()
    assert raw.ask(b"\xff\xc9x a\xfe\r\n") == (
        b"-ERR unknown command '\xff\xc9x', with args beginning with: 'a\xfe' ")
    assert raw.ask(b"OBJECT \xff\r\n") == b"-ERR unknown subcommand '\xff'. Try OBJECT HELP."
    assert raw.ask(b"*1\r\n\xcc\r\n") == b"-ERR Protocol error: expected '$', got '\xcc'"
    raw.close()


def test_restore_tells_what_is_wrong(server):
    connection = Connection(server.port)
    connection.call("SET", "a", "hello")
    payload = connection.plain("DUMP", "a")
    wrong = ("-", b"ERR DUMP payload version or checksum are wrong")
    assert connection.call("RESTORE", "b", 0, payload[:-1] + b"?") == wrong
    assert connection.call("RESTORE", "b", 0, payload[:-8] + bytes(8)) == wrong
    assert connection.call("RESTORE", "b", 0, b"short") == wrong
    # A version and the checksum of it, without a value.
    assert connection.call("RESTORE", "b", 0, sealed(b"")) == ("-", b"ERR Bad data format")
    assert connection.call("RESTORE", "b", 0, sealed(b"\x0eX")) == ("-", b"ERR Bad data format")
    connection.close()


def test_lcs_is_bounded(server):
    connection = Connection(server.port)
    connection.pipeline([("SETRANGE", key, 20_000, "x") for key in "ab"])
    for words in [(), ("LEN",), ("IDX",)]:
        assert connection.call("LCS", "a", "b", *words) == (
            "-", b"ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    connection.close()


def test_paused_clients_count_as_blocked(server):
    """What may be replicated waits for the end of CLIENT PAUSE … WRITE too."""
    connection, first, second = (Connection(server.port) for _ in range(3))

    def blocked():
        return int(re.search(rb"blocked_clients:(\d+)", connection.plain("INFO", "clients"))[1])

    connection.plain("PFADD", "hll", "a")
    connection.plain("CLIENT", "PAUSE", "100000", "WRITE")
    first.send(("PFCOUNT", "hll"))
    second.send(("PUBLISH", "channel", "message"))
    deadline = time.time() + 5
    while blocked() != 2:
        assert time.time() < deadline
    assert connection.plain("GET", "nothing") is None
    assert connection.plain("CLIENT", "LIST").count(b"flags=b") == 2
    connection.plain("CLIENT", "UNPAUSE")
    assert first.read() == (":", 1)
    assert second.read() == (":", 0)
    assert blocked() == 0
    for each in (connection, first, second):
        each.close()


def test_nothing_expires_while_writes_are_paused(start):
    server = start()
    connection = Connection(server.port)

    def expired():
        return int(re.search(rb"expired_keys:(\d+)", connection.plain("INFO", "stats"))[1])

    connection.pipeline([
        ("MULTI",), ("SET", "a", "1", "PX", "20"), ("SET", "b", "1", "PX", "20"),
        ("CLIENT", "PAUSE", "100000", "WRITE"), ("EXEC",)])
    time.sleep(0.3)
    assert connection.plain("GET", "a") is None
    assert connection.plain("EXISTS", "a", "b") == 0
    assert connection.plain("SCAN", "0")[1] == []
    assert expired() == 0
    assert connection.plain("CLIENT", "UNPAUSE") == b"OK"
    deadline = time.time() + 5
    while expired() != 2:
        assert time.time() < deadline
    connection.close()


def test_memory_of_the_log_buffer_is_returned(start):
    server = start()
    connection = Connection(server.port)

    def used():
        return int(re.search(rb"hot_bytes:(\d+)", connection.plain("INFO", "tiering"))[1])

    before = used()
    connection.plain("SET", "key", b"x" * 3_000_000)
    connection.plain("DEL", "key")
    deadline = time.time() + 5
    while used() > before + 500_000:
        assert time.time() < deadline, used()
        time.sleep(0.05)
    connection.close()


def test_a_silenced_client_that_hears_of_its_own_commands(server):
    """Pushes beside replies that are cut back or put together elsewhere."""
    client, raw = server.client(), server.raw()
    client.config_set("notify-keyspace-events", "KEA")
    client.config_set("notify-keyspace-events", "KEAm")
    client.xadd("s", {"f": "v"}, id="1-1")
    client.xgroup_create("s", "g", 0)
    client.xreadgroup("g", "other", {"s": ">"})
    client.rpush("l", "x")
    raw.send(command("HELLO", 3))
    raw.send(command("SUBSCRIBE", "__keyevent@0__:keymiss", "__keyevent@0__:lpop",
                     "__keyevent@0__:xgroup-createconsumer"))
    raw.send(command("CLIENT", "REPLY", "OFF"))
    raw.send(command("XREAD", "STREAMS", "none", 0))
    raw.send(command("XAUTOCLAIM", "s", "g", "new", 0, 0))
    raw.send(command("MULTI") + command("LPOP", "l") + command("INCR", "s") + command("EXEC"))
    raw.send(command("BLPOP", "k", 0))
    deadline = time.time() + 20
    while client.info("clients")["blocked_clients"] != 1:
        assert time.time() < deadline
    client.rpush("k", "y")
    raw.send(command("CLIENT", "REPLY", "ON"))
    lines = b""
    while not lines.endswith(b"+OK\r\n"):
        lines += raw.line() + b"\r\n"
    # Whatever else is pushed: these, whole, each once or more, and no reply among them.
    for event, key in [(b"keymiss", b"none"), (b"xgroup-createconsumer", b"s"), (b"lpop", b"l"),
                       (b"lpop", b"k")]:
        channel = b"__keyevent@0__:" + event
        message = b">3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (
            len(channel), channel, len(key), key)
        assert message in lines, (event, lines)
    # What follows HELLO's map are pushes and the last OK.
    rest = lines[lines.index(b">3\r\n"):]
    while rest != b"+OK\r\n":
        assert rest.startswith(b">3\r\n$"), rest
        rest = rest[rest.index(b"\r\n>3" if b"\r\n>3" in rest else b"\r\n+OK") + 2:]
    client.config_set("notify-keyspace-events", "")
    assert client.ping()
