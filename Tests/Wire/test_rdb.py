"""Files of every version and type that Redis has written, made by hand (rdb.py): Firn reads them as
redis-server does; what cannot be loaded is named; function libraries are kept."""

import os
import shutil
import struct
import subprocess
import tempfile
import time

import pytest

import rdb
from conftest import BINARY, ROOT, Server, free_port
from crash_model import contents
from differential import RedisServer
from resp import Connection, plain

DUMP = os.environ.get("FIRN_DUMP", str(ROOT / ".build" / "release" / "firn-dump"))
FAR = 4_000_000_000
LIBRARY = b"#!lua name=kept\nredis.register_function('one', function() return 1 end)\n" + b"-" * 5000
OTHER = b"#!lua name=other\nredis.register_function('two', function() return 2 end)\n"


@pytest.fixture
def place():
    """A directory, and servers that end with the test."""
    servers, directories = [], []

    class Place:
        def directory(self):
            directories.append(tempfile.mkdtemp(prefix="firn-rdb-"))
            return directories[-1]

        def holding(self, data):
            directory = self.directory()
            with open(f"{directory}/dump.rdb", "wb") as out:
                out.write(data)
            return directory

        def firn(self, directory, **options):
            servers.append(Server(directory, options))
            return servers[-1].start()

        def redis(self, directory):
            servers.append(RedisServer(directory))
            return servers[-1]

    yield Place()
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def world(port, database=0):
    connection = Connection(port, timeout=60)
    found = contents(connection, database)
    connection.close()
    return found


def records(version):
    return [v for v in rdb.values() if rdb.SINCE[v[1]] <= version]


@pytest.mark.parametrize("version", range(1, 12))
def test_every_type_of_every_version(place, version):
    """Redis 7.0 judges what it can read itself; for the set listpacks of 7.2 what was written does."""
    kinds = records(version)
    body = b"".join(rdb.key(name, kind, value) for name, kind, value, _ in kinds)
    body += rdb.key("expiring", 0, rdb.string("s"), rdb.EXPIRE_SECONDS + struct.pack("<i", 2**31 - 2))
    body += rdb.key("gone", 0, rdb.string("s"), rdb.EXPIRE_SECONDS + struct.pack("<i", 1000))
    if version >= 3:
        body += rdb.key("ms", 0, rdb.string("s"), rdb.EXPIRE_MS + struct.pack("<q", FAR * 1000 + 5))
    body += rdb.SELECT + b"\x03" + rdb.key("third", 1, rdb.length(1) + rdb.string("x"))
    data = rdb.file(rdb.SELECT + b"\x00" + body, version)
    firn = place.firn(place.holding(data))
    ours = world(firn.port)
    assert {k.decode() for k in ours} == {v[0] for v in kinds} | {"expiring"} | (
        {"ms"} if version >= 3 else set())
    for name, _, _, meant in kinds:
        held = ours[name.encode()][0]
        if isinstance(meant, list) and isinstance(meant[0], tuple):
            assert {member: float(score) for member, score in held.items()} == dict(meant), name
        else:
            assert held == meant, name
    assert world(firn.port, 3).keys() == {b"third"}
    if version <= 10:
        redis = place.redis(place.holding(data))
        theirs = world(redis.port)
        assert ours == theirs
        assert world(firn.port, 3) == world(redis.port, 3)
    # And as Redis 7.0 reads what Firn makes of it.
    connection = Connection(firn.port)
    assert connection.call("SAVE") == ("+", b"OK")
    saved = open(f"{firn.directory}/dump.rdb", "rb").read()
    back = place.redis(place.holding(saved))
    assert world(back.port) == ours
    firn.restart()
    assert world(firn.port) == ours


def test_restore_takes_every_type(place):
    firn = place.firn(place.directory())
    redis = place.redis(place.directory())
    ours, theirs = Connection(firn.port), Connection(redis.port)
    for name, kind, value, _ in rdb.values():
        payload = rdb.sealed(bytes([kind]) + value, 11 if kind == 20 else 10)
        replies = [c.call("RESTORE", name, 0, payload) for c in (ours, theirs)]
        assert replies[0] == ("+", b"OK"), (name, replies)
        assert kind == 20 or replies[1] == replies[0], (name, replies)
        # What either makes of it the other takes.
        for giver, taker in [(ours, theirs), (theirs, ours)]:
            dumped = giver.call("DUMP", name)[1]
            if dumped is not None:
                assert taker.call("RESTORE", "copy", 0, dumped, "REPLACE") == ("+", b"OK"), name
        if kind != 20:
            assert [c.call("OBJECT", "ENCODING", name) for c in (ours, theirs)] == [
                theirs.call("OBJECT", "ENCODING", name)] * 2, name
    left, right = world(firn.port), world(redis.port)
    left.pop(b"copy"), right.pop(b"copy"), left.pop(b"set:listpack")
    assert left == right


def test_what_goes_with_a_key(place):
    """AUX, RESIZEDB, SLOT_INFO, IDLE and FREQ are understood; a checksum of zero is none."""
    body = rdb.AUX + rdb.string("redis-ver") + rdb.string("7.2.0")
    body += rdb.AUX + rdb.string("unknown") + rdb.small(12)
    body += rdb.SELECT + b"\x00" + rdb.SLOT + rdb.length(866) + rdb.length(2) + rdb.length(0)
    body += rdb.RESIZE + rdb.length(3) + rdb.length(1)
    body += rdb.key("idle", 0, rdb.string("v"), rdb.IDLE + rdb.length(5000))
    body += rdb.key("often", 0, rdb.string("v"), rdb.FREQUENCY + b"\x80")
    body += rdb.key("both", 0, rdb.string("v"),
                    rdb.EXPIRE_MS + struct.pack("<q", FAR * 1000) + rdb.IDLE + rdb.length(20000))
    firn = place.firn(place.holding(rdb.file(body, 11, checksum=False)), maxmemory_policy="allkeys-lru")
    connection = Connection(firn.port)
    assert plain(connection.call("DBSIZE")) == 3
    assert plain(connection.call("PEXPIRETIME", "both")) == FAR * 1000
    if "debug" not in " ".join(firn.arguments()):
        assert abs(plain(connection.call("OBJECT", "IDLETIME", "idle")) - 5000) < 60


def module_id(name, version=1):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    number = 0
    for letter in name:
        number = number << 6 | alphabet.index(letter)
    return b"\x81" + struct.pack(">Q", number << 10 | version)


@pytest.mark.parametrize("body,words", [
    (rdb.key("mine", 7, module_id("ReJSON-RL", 3) + b"\x00"), ["'mine'", "'ReJSON-RL'"]),
    (rdb.key("old", 6, module_id("tree_type") + b"\x00"), ["'old'", "'tree_type'"]),
    (b"\xf7" + module_id("graphdata", 2) + b"\x02\x02\x00", ["'graphdata'"]),
    (b"\xf6" + rdb.string("lib") * 3, ["release candidate"]),
    (rdb.key("later", 99, b"\x00"), ["'later'", "type 99"]),
    (rdb.key("wrong", 2, rdb.length(2) + rdb.string("a") * 2), ["damaged", "'wrong'"]),
    (rdb.key("empty", 1, rdb.length(0)), ["damaged", "'empty'"]),
    (rdb.key("nan", 3, rdb.length(1) + rdb.string("m") + b"\xfd"), ["damaged", "'nan'"]),
    (rdb.key("twice", 0, rdb.string("a")) * 2, ["'twice'", "twice"]),
    (rdb.SELECT + rdb.length(99) + rdb.key("far", 0, rdb.string("a")), ["database 99"]),
    (rdb.SELECT, ["damaged"]),
])
def test_what_cannot_be_loaded_is_named(place, body, words):
    directory = place.holding(rdb.file(body))
    result = subprocess.run(
        [BINARY, "--port", str(free_port()), "--dir", directory], capture_output=True, text=True,
        timeout=30)
    said = result.stdout + result.stderr
    assert result.returncode == 1, said
    for word in ["dump.rdb", *words] if "twice" not in words and "database 99" not in words else words:
        assert word in said, said


def libraries(path):
    """The function libraries of a file that Redis would find there."""
    data, found = open(path, "rb").read(), []
    for code in (LIBRARY, OTHER):
        if rdb.FUNCTION + rdb.string(code) in data:
            found.append(code)
    return found


@pytest.mark.parametrize("options", [
    {}, {"cold_tier": "no"}, {"appendonly": "no"}, {"appendonly": "no", "cold_tier": "no"}])
def test_libraries_are_kept(place, options):
    source = place.redis(place.directory())
    connection = Connection(source.port)
    for code in (LIBRARY, OTHER):
        assert connection.call("FUNCTION", "LOAD", code)[0] == "$"
    connection.pipeline([("SET", "a", "1"), ("SAVE",)])
    path = plain(connection.call("CONFIG", "GET", "dir"))[1].decode()
    firn = place.firn(place.holding(open(f"{path}/dump.rdb", "rb").read()), **options)
    dump = f"{firn.directory}/dump.rdb"

    def saved():
        connection = Connection(firn.port)
        assert connection.call("PING") == ("+", b"PONG")  # The file has been read.
        os.remove(dump)
        assert connection.call("SAVE") == ("+", b"OK")
        connection.close()
        return libraries(dump)

    assert saved() == [LIBRARY, OTHER]
    connection = Connection(firn.port)
    connection.pipeline([("FLUSHALL",), ("SET", "b", "2"), ("BGREWRITEAOF",)])
    if options.get("appendonly") != "no":
        while b"aof_rewrite_in_progress:1" in connection.plain("INFO", "persistence"):
            time.sleep(0.01)
    connection.close()
    assert saved() == [LIBRARY, OTHER]
    firn.restart()
    assert saved() == [LIBRARY, OTHER]
    if options.get("appendonly") != "no":
        firn.restart(9)
        assert saved() == [LIBRARY, OTHER]
        exported = f"{firn.directory}/export.rdb"
        subprocess.run([DUMP, "export", firn.directory, "--format", "rdb", "--output", exported], check=True,
                       capture_output=True)
        assert libraries(exported) == [LIBRARY, OTHER]
    back = place.redis(place.holding(open(dump, "rb").read()))
    connection = Connection(back.port)
    assert plain(connection.call("FCALL", "one", 0)) == 1
    assert plain(connection.call("FCALL", "two", 0)) == 2


@pytest.mark.parametrize("options", [{}, {"cold_tier": "no"}])
def test_libraries_of_a_log_are_kept(place, options):
    """FUNCTION commands in a log of Redis's count."""
    directory = place.directory()
    redis = RedisServer(directory, "--appendonly", "yes", "--appendfsync", "always")
    connection = Connection(redis.port)
    connection.pipeline([
        ("FUNCTION", "LOAD", "#!lua name=gone\nredis.register_function('x', function() end)"),
        ("FUNCTION", "LOAD", OTHER), ("FUNCTION", "DELETE", "gone"),
        ("FUNCTION", "LOAD", LIBRARY), ("FUNCTION", "LOAD", "REPLACE", LIBRARY), ("SET", "a", "1")])
    redis.stop()
    firn = place.firn(directory, **options)
    connection = Connection(firn.port)
    assert connection.call("SAVE") == ("+", b"OK")
    assert sorted(libraries(f"{directory}/dump.rdb")) == sorted([LIBRARY, OTHER])
    assert b"name=gone" not in open(f"{directory}/dump.rdb", "rb").read()
    firn.restart(9)
    assert Connection(firn.port).call("SAVE") == ("+", b"OK")
    assert sorted(libraries(f"{directory}/dump.rdb")) == sorted([LIBRARY, OTHER])
