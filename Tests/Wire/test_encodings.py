"""Encodings change where Redis changes them, under both names of each directive."""

import pytest

import rdb
from differential import RedisServer
from resp import Connection, plain


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def both(server, redis):
    """Sends a command to both servers; the replies must be the same."""
    connections = [Connection(server.port), Connection(redis.port)]
    for connection in connections:
        connection.call("FLUSHALL")
    touched = {}

    def run(*words):
        if words[:2] == ("CONFIG", "SET") and words[2] not in touched:
            touched[words[2]] = plain(connections[1].call("CONFIG", "GET", words[2]))[1]
        replies = [connection.call(*words) for connection in connections]
        assert replies[0] == replies[1], words
        return replies[0][1] if replies[0][0] == "-" else plain(replies[0])

    run.connections = connections
    yield run
    for name, value in touched.items():
        for connection in connections:
            connection.call("CONFIG", "SET", name, value)
    for connection in connections:
        connection.close()


NAMES = [("hash-max-listpack-entries", "hash-max-ziplist-entries"),
         ("hash-max-listpack-value", "hash-max-ziplist-value"),
         ("zset-max-listpack-entries", "zset-max-ziplist-entries"),
         ("zset-max-listpack-value", "zset-max-ziplist-value"),
         ("list-max-listpack-size", "list-max-ziplist-size")]


@pytest.mark.parametrize("names", NAMES)
def test_either_name_sets_both(both, names):
    for name in names:
        for value in ("7", "0", "100"):
            both("CONFIG", "SET", name, value)
            assert [both("CONFIG", "GET", n)[1] for n in names] == [value.encode()] * 2
    for connection in both.connections:
        found = plain(connection.call("CONFIG", "GET", *names))
        assert sorted(found[::2]) == sorted(name.encode() for name in names)
    both("CONFIG", "SET", names[0], "x")
    both("CONFIG", "SET", names[1], "-1")


@pytest.mark.parametrize("limit", [0, 1, 2, 5, 128, 512])
@pytest.mark.parametrize("name", range(2))
def test_number_of_elements(both, limit, name):
    both("CONFIG", "SET", NAMES[0][name], limit)
    both("CONFIG", "SET", NAMES[2][name], limit)
    both("CONFIG", "SET", "set-max-intset-entries", limit)
    for size in sorted({1, 2, max(1, limit - 1), max(1, limit), limit + 1, limit + 2}):
        pairs = [x for i in range(size) for x in (f"f{i}", i)]
        scored = [x for i in range(size) for x in (i, f"m{i}")]
        both("DEL", "h", "h1", "z", "z1", "i", "i1", "u", "d")
        both("HSET", "h", *pairs)
        both("ZADD", "z", *scored)
        both("SADD", "i", *range(size))
        for i in range(size):
            both("HSET", "h1", f"f{i}", i)
            both("ZADD", "z1", i, f"m{i}")
            both("SADD", "i1", i)
        both("ZUNIONSTORE", "u", 1, "z")
        both("SUNIONSTORE", "d", "i")
        for key in ("h", "h1", "z", "z1", "i", "i1", "u", "d"):
            both("OBJECT", "ENCODING", key)
        # Replacing and removing change nothing; a value read back may.
        both("HSET", "h", "f0", "again")
        both("ZADD", "z", 5, "m0")
        both("HDEL", "h1", f"f{size - 1}")
        both("ZREM", "z1", f"m{size - 1}")
        both("SREM", "i1", size - 1)
        for key in ("h", "h1", "z", "z1", "i1"):
            both("OBJECT", "ENCODING", key)
        both("SADD", "i", "text")
        both("OBJECT", "ENCODING", "i")


@pytest.mark.parametrize("limit", [0, 1, 10, 64, 200])
@pytest.mark.parametrize("name", range(2))
def test_size_of_elements(both, limit, name):
    both("CONFIG", "SET", NAMES[1][name], limit)
    both("CONFIG", "SET", NAMES[3][name], limit)
    for size in sorted({0, 1, max(0, limit - 1), limit, limit + 1}):
        both("DEL", "field", "value", "z", "n", "inc", "setnx")
        both("HSET", "field", "x" * size, "v")
        both("HSET", "value", "f", "x" * size)
        both("HSETNX", "setnx", "f", "x" * size)
        both("ZADD", "z", 1, "x" * size)
        both("ZINCRBY", "inc", 1, "y" * size)
        both("HSET", "n", "f", "1" * min(size, 18))
        for key in ("field", "value", "z", "n", "inc", "setnx"):
            both("OBJECT", "ENCODING", key)
        both("HSET", "n", "f", "x" * size, "g", "y" * size)
        both("OBJECT", "ENCODING", "n")


def nodes(payload):
    """The number of nodes of a list's DUMP, and its type."""
    first = payload[1]
    count = first if first < 64 else (first & 63) << 8 | payload[2]
    return payload[0], count


@pytest.mark.parametrize("limit", [-1, -2, -3, -4, -5, 1, 2, 3, 10, 128, 0, -6, 5000])
@pytest.mark.parametrize("name", range(2))
def test_nodes_of_lists(both, limit, name):
    both("CONFIG", "SET", NAMES[4][name], limit)
    for size, count in [(0, 9), (3, 300), (10, 900), (100, 700), (2000, 60), (4090, 8), (8180, 6),
                        (8193, 4), (70_000, 3)]:
        for push in ("RPUSH", "LPUSH"):
            both("DEL", "l")
            for i in range(0, count, 50):
                both(push, "l", *[b"%d" % j + b"x" * size for j in range(i, min(count, i + 50))])
            dumps = [plain(c.call("DUMP", "l")) for c in both.connections]
            assert nodes(dumps[0]) == nodes(dumps[1]), (limit, size, count, push)
            both("OBJECT", "ENCODING", "l")
            both("LRANGE", "l", 0, -1)


@pytest.mark.parametrize("limit", [0, 100, 3000, 15000])
def test_hyperloglogs_turn_dense(both, limit):
    both("CONFIG", "SET", "hll-sparse-max-bytes", limit)
    for i in range(0, 4000, 20):
        both("PFADD", "p", *range(i, i + 20))
        both("STRLEN", "p")
    both("PFDEBUG", "ENCODING", "p")
    both("PFCOUNT", "p")


def test_directives_that_change_nothing_seen(both):
    for depth in (0, 1, 2, 1000):
        both("CONFIG", "SET", "list-compress-depth", depth)
        both("DEL", "l")
        both("RPUSH", "l", *[b"text " * 20] * 500)
        both("LRANGE", "l", 0, -1)
        both("OBJECT", "ENCODING", "l")
    for name in ("stream-node-max-bytes", "stream-node-max-entries"):
        for value in ("0", "10", "4096", "1kb", "-1", "x"):
            both("CONFIG", "SET", name, value)
            both("CONFIG", "GET", name)


def test_those_of_redis_7_2_are_accepted(server):
    """Sets are intsets or tables, as in 7.0; their listpacks are read."""
    client = Connection(server.port)
    for name, default in [("set-max-listpack-entries", b"128"), ("set-max-listpack-value", b"64")]:
        assert plain(client.call("CONFIG", "GET", name)) == [name.encode(), default]
        assert client.call("CONFIG", "SET", name, "5") == ("+", b"OK")
        assert plain(client.call("CONFIG", "GET", name))[1] == b"5"
        client.call("CONFIG", "SET", name, default)
    value = next(v for v in rdb.values() if v[1] == 20)
    payload = rdb.sealed(b"\x14" + value[2], 11)
    assert client.call("RESTORE", "s", 0, payload, "REPLACE") == ("+", b"OK")
    assert plain(client.call("OBJECT", "ENCODING", "s")) == b"hashtable"
    assert set(plain(client.call("SMEMBERS", "s"))) == value[3]
    client.close()
