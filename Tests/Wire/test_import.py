"""Directories that came from Redis are taken over; snapshots go back to Redis."""

import random
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from comparing import timeless
from conftest import BINARY, Server, free_port
from differential import RedisServer
from crash_model import contents
from resp import Connection

FAR_MS = 4_000_000_000_000
DATABASES = (0, 3, 15)


@pytest.fixture
def place():
    """A directory, and servers on it that end with the test."""
    servers, directory = [], tempfile.mkdtemp(prefix="firn-wire-")

    class Place:
        path = directory

        def redis(self, *options, directory=directory):
            server = RedisServer(directory, *options)
            servers.append(server)
            return server

        def firn(self, **options):
            server = Server(directory, options)
            servers.append(server)
            return server

    yield Place()
    for server in servers:
        if server.process and server.process.poll() is None:
            server.process.kill()
            server.process.wait()
    shutil.rmtree(directory, ignore_errors=True)


def fill(port, seed=1):
    """Every type and encoding, small and big, with and without expiry, in three databases."""
    rng, connection = random.Random(seed), Connection(port)
    for database in DATABASES:
        commands = [("SELECT", database)]
        for size, name in [(3, "small"), (127, "full"), (600, "big"), (20_000, "huge")]:
            if size > 1000 and database != 0:
                continue
            for i in range(0, size, 500):
                part = range(i, min(size, i + 500))
                commands += [
                    ("HSET", f"hash:{name}", *[x for j in part for x in (f"f{j}", j * 7)]),
                    ("RPUSH", f"list:{name}", *[f"element {j}" for j in part]),
                    ("SADD", f"ints:{name}", *[j * j - 50 for j in part]),
                    ("SADD", f"set:{name}", *[f"m{j}" for j in part]),
                    ("ZADD", f"zset:{name}", *[x for j in part for x in (j / 3 - 7, f"m{j}")])]
        commands += [
            ("HSET", "hash:long", "field", b"v" * 5000, b"\x00\xff", b"", "", "empty"),
            ("RPUSH", "list:long", b"x" * 20_000, "", b"y" * 100, *range(-5, 100_000, 9999)),
            ("RPUSH", "list:plain", b"a" * 10_000, b"b" * 10_000),
            ("ZADD", "zset:odd", "-inf", "a", "inf", "b", "0.1", "c", "1e300", "d", "-0", "e"),
            ("SADD", "set:long", b"z" * 3000, "short"),
            ("SADD", "ints:wide", -2**63, 2**63 - 1, 0), ("SADD", "ints:16", 1, 2, 3),
            *[("SET", f"number:{n}", n) for n in (0, -1, 127, -128, 40_000, 2**31, -2**63, 2**63 - 1)],
            ("SET", "empty", ""), ("SET", "compressible", b"abc" * 30_000),
            ("SET", "binary", rng.randbytes(100_000)), ("SET", b"\x00key\xff" * 200, "long key"),
            ("SET", "megabytes", b"0123456789" * 300_000 if database == 0 else b"x")]
        commands += [("XADD", "stream", f"{i}-1", "name", i, "f", b"v" * (i % 90))
                     for i in range(1, 700)]
        commands += [
            ("XDEL", "stream", "5-1", "690-1", "400-1"), ("XTRIM", "stream", "MAXLEN", 600),
            ("XGROUP", "CREATE", "stream", "g", "300-1", "ENTRIESREAD", 299),
            ("XCLAIM", "stream", "g", "one", 0, "200-1", "201-1", "TIME", 1000, "FORCE", "JUSTID"),
            ("XCLAIM", "stream", "g", "two", 0, "202-1", "TIME", 1000, "FORCE", "RETRYCOUNT", 300),
            ("XGROUP", "CREATECONSUMER", "stream", "g", "idle"),
            ("XGROUP", "CREATE", "stream:empty", "g", "$", "MKSTREAM")]
        commands += [("SET", f"key:{i}", rng.randbytes(rng.randrange(80))) for i in range(2000)]
        commands += [("PEXPIREAT", f"key:{i}", FAR_MS + i) for i in range(0, 2000, 3)]
        commands += [("PEXPIREAT", k, FAR_MS) for k in ("hash:big", "list:small", "zset:full")]
        for reply in connection.pipeline(commands):
            assert reply[0] != "-", reply
    connection.close()


def worlds(port):
    connection = Connection(port, timeout=60)
    found = {d: contents(connection, d) for d in (*DATABASES, 1)}
    for database, world in found.items():
        connection.call("SELECT", database)
        for key in world:
            if key.startswith(b"stream"):
                facts = connection.call("XINFO", "STREAM", key, "FULL", "COUNT", 0)
                world[key][0] = timeless(facts)
    sizes = [connection.pipeline([("SELECT", d), ("DBSIZE",)])[1][1] for d in (*DATABASES, 1)]
    connection.close()
    assert sizes == [len(world) for world in found.values()]
    return found


def assert_same(ours, theirs):
    for database, world in theirs.items():
        assert ours[database].keys() == world.keys()
        for key, value in world.items():
            assert ours[database][key] == value, key


def from_redis(place, *options, after=()):
    """Fills a redis-server, lets it write its files, ends it; returns what it held."""
    redis = place.redis(*options)
    fill(redis.port)
    connection = Connection(redis.port)
    if not options:
        assert connection.call("SAVE") == ("+", b"OK")
    for args in after:
        reply = connection.call(*args)
        assert reply[0] != "-", reply
        while b"aof_rewrite_in_progress:1" in connection.plain("INFO", "persistence") or (
                b"aof_rewrite_scheduled:1" in connection.plain("INFO", "persistence")):
            time.sleep(0.01)
    held = worlds(redis.port)
    connection.send(("SHUTDOWN", "NOSAVE"))
    redis.process.wait(20)
    return held


AOF = ("--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0")
AFTER = [("SELECT", 3), ("DEL", "list:big", "key:1"), ("SET", "after", "base"), ("SELECT", 0),
         ("SPOP", "set:big", 100), ("ZADD", "zset:small", 5, "added"), ("LPOP", "list:huge", 500),
         ("INCRBYFLOAT", "number:127", "0.5"), ("RENAME", "hash:full", "hash:renamed"),
         ("SINTERSTORE", "stored", "set:small", "set:full"), ("MULTI",), ("INCR", "number:0"),
         ("HDEL", "hash:big", "f1"), ("EXEC",), ("PEXPIREAT", "number:-1", 1), ("SELECT", 15),
         ("FLUSHDB",), ("RPUSH", "fresh", 1, 2), ("SWAPDB", 0, 1), ("SELECT", 1),
         ("PERSIST", "list:small")]


@pytest.mark.parametrize("options", [
    {}, {"maxmemory": "2mb"}, {"debug_spill_every_command": "yes"}, {"appendonly": "no"},
    {"cold_tier": "no"}, {"appendonly": "no", "cold_tier": "no"}])
@pytest.mark.parametrize("source", ["rdb", "log", "log with base"])
def test_taken_over(place, source, options):
    if source != "rdb" and options.get("appendonly") == "no":
        pytest.skip("without a log the snapshot is what is read, as in Redis")
    if source == "rdb":
        held = from_redis(place)
    elif source == "log":
        held = from_redis(place, *AOF, "--aof-use-rdb-preamble", "no", after=AFTER)
    else:
        held = from_redis(place, *AOF, after=[("BGREWRITEAOF",), *AFTER])
    firn = place.firn(**options)
    firn.start()
    assert_same(worlds(firn.port), held)
    if options.get("appendonly") == "no" and options.get("cold_tier") == "no":
        return
    connection = Connection(firn.port)
    connection.call("SET", "more", "after the import")
    for key in range(0, 2000, 40):
        for database in held:
            connection.pipeline([("SELECT", database), ("DEL", f"key:{key}"),
                                 ("SET", f"key:{key + 1}", "changed")])
            held[database].pop(b"key:%d" % key, None)
            held[database][b"key:%d" % (key + 1)] = [b"changed", -1]
    connection.close()
    held[0][b"more"] = [b"after the import", -1]
    number = signal.SIGTERM if options.get("appendonly") == "no" else signal.SIGKILL
    firn.restart(number)
    assert_same(worlds(firn.port), held)


@pytest.mark.parametrize("options", [{}, {"maxmemory": "2mb"}, {"rdbcompression": "no"}])
def test_snapshot_goes_back(place, options):
    firn = place.firn(**options)
    firn.start()
    fill(firn.port)
    held = worlds(firn.port)
    connection = Connection(firn.port)
    assert connection.call("SAVE") == ("+", b"OK")
    connection.close()
    dump = f"{place.path}/dump.rdb"
    check = subprocess.run(["redis-check-rdb", dump], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout
    back = tempfile.mkdtemp(prefix="firn-wire-", dir=place.path)
    shutil.copy(dump, back)
    assert_same(worlds(place.redis(directory=back).port), held)


@pytest.mark.parametrize("where", ["start", "middle", "end", "cut"])
def test_damaged_snapshot_is_refused(place, where):
    from_redis(place)
    path = f"{place.path}/dump.rdb"
    data = bytearray(open(path, "rb").read())
    if where == "cut":
        data = data[: len(data) // 2]
    else:
        at = {"start": 2, "middle": len(data) // 2, "end": len(data) - 3}[where]
        data[at] ^= 0x55
    open(path, "wb").write(data)
    result = subprocess.run([BINARY, "--port", str(free_port()), "--dir", place.path], capture_output=True,
                            text=True, timeout=30)
    assert result.returncode == 1, result.stdout[-2000:] + result.stderr[-2000:]
    assert "dump.rdb" in result.stdout + result.stderr
    assert open(path, "rb").read() == data, "the damaged file was changed"


def test_nothing_is_kept_of_a_refused_import(place):
    """After the damaged file is replaced by a sound one the import is whole."""
    held = from_redis(place)
    path = f"{place.path}/dump.rdb"
    sound = open(path, "rb").read()
    open(path, "wb").write(sound[:-100_000])
    result = subprocess.run([BINARY, "--port", str(free_port()), "--dir", place.path], capture_output=True,
                            text=True, timeout=30)
    assert result.returncode == 1, result.stdout[-2000:]
    open(path, "wb").write(sound)
    firn = place.firn()
    firn.start()
    assert_same(worlds(firn.port), held)
