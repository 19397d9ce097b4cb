"""Fields of hashes that expire, over the wire: in real time, through crashes, cold and hot, and
what firn-dump and redis-server 7.0 make of such hashes."""

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from conftest import TORTURE
from differential import RedisServer
from resp import Connection
from test_dump import DUMP

FAR = 4_000_000_000_000


def fields(reply):
    return dict(zip(reply[::2], reply[1::2]))


def test_hashes_beside_a_model_through_crashes(start):
    """Random commands in real time. A field that is about to expire may be there or not."""
    seed = int(os.environ.get("FIRN_SEED", time.time()))
    print("seed", seed)
    rng, server = random.Random(seed), start(appendfsync="always", hash_max_listpack_entries=8)
    connection, model = Connection(server.port), {}
    rounds = 6000 if not TORTURE else 1500

    def now():
        return int(time.time() * 1000)

    for turn in range(rounds):
        key, field, value = f"h{rng.randrange(6)}", b"f%d" % rng.randrange(20), b"%d" % turn
        expected = model.setdefault(key, {})
        due = now() + rng.choice([20, 200, 1500, 100_000])
        roll = rng.random()
        if roll < 0.25:
            connection.plain("HSETEX", key, "PXAT", due, "FIELDS", 1, field, value)
            expected[field] = (value, due)
        elif roll < 0.35:
            connection.plain("HSET", key, field, value)
            expected[field] = (value, None)
        elif roll < 0.5:
            reply = connection.plain("HPEXPIREAT", key, due, "FIELDS", 1, field)[0]
            assert (reply != -2) <= (field in expected), (key, field)
            if reply == 1:
                expected[field] = (expected[field][0], due)
            elif reply == 2:
                del expected[field]
        elif roll < 0.55:
            if connection.plain("HPERSIST", key, "FIELDS", 1, field)[0] == 1:
                expected[field] = (expected[field][0], None)
        elif roll < 0.6:
            connection.plain("HDEL", key, field)
            expected.pop(field, None)
        elif roll < 0.62:
            connection.plain("DEL", key)
            model.pop(key)
        elif roll < 0.64:
            connection.plain("TIER", "SPILL", key)
        elif roll < 0.66:
            other = f"h{rng.randrange(6)}"
            if other != key and connection.plain("COPY", key, other, "REPLACE"):
                model[other] = dict(expected)
        else:
            before = now()
            found = fields(connection.plain("HGETALL", key))
            after = now()
            for name, (value, due) in list(expected.items()):
                if due is None or due > after:
                    assert found.get(name) == value, (turn, key, name, due, after)
                elif due < before - 1:
                    assert name not in found, (turn, key, name, due, before)
                    del expected[name]
            assert set(found) <= set(expected), (turn, key)
        if turn % (rounds // 4) == rounds // 8:
            connection.close()
            server.restart(rng.choice([signal.SIGKILL, signal.SIGTERM]))
            connection = Connection(server.port)
    connection.close()


def test_cold_hashes_lose_their_fields_by_themselves(start):
    """Nobody asks for the hashes, most of which are cold: fields and keys go at their time."""
    server = start(maxmemory="8mb")
    connection = Connection(server.port)
    count = 300 if TORTURE else 20_000
    due = int(time.time() * 1000) + 10_000
    for i in range(0, count, 500):
        part = range(i, min(count, i + 500))
        connection.pipeline(
            [("HSET", f"some:{j}", "stays", "x" * 200, "goes", j) for j in part]
            + [("HPEXPIREAT", f"some:{j}", due + j % 1000, "FIELDS", 1, "goes") for j in part]
            + [("HSETEX", f"all:{j}", "PXAT", due, "FIELDS", 1, "goes", "y" * 200) for j in part])
    connection.pipeline([("TIER", "SPILL", f"some:{j}", f"all:{j}") for j in range(count)])
    assert time.time() * 1000 < due
    assert connection.plain("DBSIZE") == 2 * count
    deadline = time.time() + 60
    while connection.plain("DBSIZE") != count:
        assert time.time() < deadline
        time.sleep(0.1)
    while f"expired_subkeys:{2 * count}\r".encode() not in connection.plain("INFO", "stats"):
        assert time.time() < deadline
        time.sleep(0.1)
    assert connection.plain("ARCHIVE", "LEN") == 0
    for j in range(0, count, 97):
        assert connection.plain("HKEYS", f"some:{j}") == [b"stays"]
    connection.close()
    server.restart(signal.SIGKILL)
    connection = Connection(server.port)
    assert connection.plain("DBSIZE") == count
    assert connection.plain("HGETALL", "some:5") == [b"stays", b"x" * 200]
    connection.close()


@pytest.mark.skipif(not os.path.exists(DUMP), reason="firn-dump is not built")
def test_firn_dump_shows_times(start):
    server = start(enable_debug_command="yes")
    connection = Connection(server.port)
    connection.pipeline([
        ("HSET", "h", "a", 1, "b", 2), ("HPEXPIREAT", "h", FAR, "FIELDS", 1, "b"),
        ("HSETEX", "bin", "PXAT", FAR + 1, "FIELDS", 1, b"\xff", 1), ("HSET", "plain", "a", 1)])

    def run(*words):
        return subprocess.run(
            [DUMP, *words[:1], server.directory, *words[1:]], capture_output=True, check=True
        ).stdout

    shown = run("get", "h").decode()
    assert f'"b"  2096-10-02T07:06:40Z ({FAR})' in shown and "fields that expire" in shown
    assert json.loads(run("get", "h", "--json"))["field_expireat"] == {"b": FAR}
    exported = {
        entry["key"]: entry for entry in json.loads(run("export", "--format", "json"))}
    assert exported["h"]["field_expireat"] == {"b": FAR}
    assert exported["h"]["value"] == {"a": "1", "b": "2"}
    assert exported["bin"]["field_expireat"] == [[{"base64": "/w=="}, FAR + 1]]
    assert "field_expireat" not in exported["plain"]
    script, rdb = run("export", "--format", "resp"), run("export", "--format", "rdb")
    other = start(enable_debug_command="yes")
    sent = subprocess.run(
        ["redis-cli", "-p", str(other.port), "--pipe"], input=script, capture_output=True)
    assert b"errors: 0" in sent.stdout, sent
    copy = Connection(other.port)
    digest = connection.plain("DEBUG", "DIGEST")
    assert copy.plain("DEBUG", "DIGEST") == digest
    copy.close()
    directory = tempfile.mkdtemp(prefix="firn-wire-")
    with open(f"{directory}/dump.rdb", "wb") as file:
        file.write(rdb)
    third = start(dir=directory, enable_debug_command="yes")
    copy = Connection(third.port)
    assert copy.plain("DEBUG", "DIGEST") == digest
    copy.close()
    connection.close()
    shutil.rmtree(directory, ignore_errors=True)


def test_what_redis_7_0_makes_of_them(start):
    """It refuses payload and snapshot of a hash of which fields expire; any other it takes."""
    server, directory = start(cold_tier="no"), tempfile.mkdtemp(prefix="firn-wire-")
    connection = Connection(server.port)
    connection.pipeline([("HSET", "h", "a", 1, "b", 2), ("HEXPIRE", "h", 1000, "FIELDS", 1, "a")])
    redis = RedisServer(directory)
    theirs = Connection(redis.port)
    refusal = ("-", b"ERR DUMP payload version or checksum are wrong")
    assert theirs.call("RESTORE", "h", 0, connection.plain("DUMP", "h")) == refusal
    connection.plain("SAVE")
    connection.plain("HPERSIST", "h", "FIELDS", 1, "a")
    assert theirs.call("RESTORE", "h", 0, connection.plain("DUMP", "h")) == ("+", b"OK")
    assert fields(theirs.plain("HGETALL", "h")) == {b"a": b"1", b"b": b"2"}
    theirs.close()
    redis.stop()
    shutil.copy(server.directory / "dump.rdb", directory)
    ended = subprocess.run(
        ["redis-server", "--port", "0", "--dir", directory], capture_output=True, timeout=30)
    assert ended.returncode != 0
    connection.plain("SAVE")
    shutil.copy(server.directory / "dump.rdb", directory)
    again = RedisServer(directory)
    theirs = Connection(again.port)
    assert fields(theirs.plain("HGETALL", "h")) == {b"a": b"1", b"b": b"2"}
    theirs.close()
    connection.close()
    again.stop()
    shutil.rmtree(directory, ignore_errors=True)
