"""Rewriting the log, turning it on and off, and loading it again, with a cold tier and without."""

import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from conftest import BINARY, TORTURE, free_port, scaled
from resp import Connection
from test_import import assert_same, fill, place, worlds  # noqa: F401

PLAIN = {"cold_tier": "no", "auto_aof_rewrite_percentage": 0}
DEBUG = {"enable_debug_command": "yes"}
TIERS = pytest.mark.parametrize("tier", ["yes", "no"])

NOTE_BYTES_MAX = 80


def info(connection, section="persistence"):
    text = connection.plain("INFO", section).decode()
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def wait_for(condition, seconds=20):
    deadline = time.time() + seconds
    while not condition():
        assert time.time() < deadline
        time.sleep(0.005)


def rewritten(connection):
    """Waits until no rewrite runs or is to come; the figures then."""
    def is_done():
        figures = info(connection)
        return figures["aof_rewrite_in_progress"] == figures["aof_rewrite_scheduled"] == "0"
    wait_for(is_done)
    return info(connection)


def manifest(directory):
    path = pathlib.Path(directory) / "appendonlydir" / "appendonly.aof.manifest"
    found = re.findall(r"file (\S+) seq (\d+) type (.)", path.read_text())
    return [(name, kind) for name, _, kind in found if kind != "h"]


def log_bytes(place, named):
    return sum((pathlib.Path(place.path) / "appendonlydir" / n).stat().st_size for n, _ in named)


def files(directory):
    return sorted(p.name for p in (pathlib.Path(directory) / "appendonlydir").iterdir())


def digest(connection):
    return connection.plain("DEBUG", "DIGEST")


def loaded_by_redis(place, **options):
    """What redis-server finds in a copy of the directory's log."""
    copy = tempfile.mkdtemp(prefix="firn-wire-", dir=place.path)
    shutil.copytree(f"{place.path}/appendonlydir", f"{copy}/appendonlydir")
    check = subprocess.run(
        ["redis-check-aof", f"{copy}/appendonlydir/appendonly.aof.manifest"], capture_output=True,
        text=True, timeout=60)
    assert check.returncode == 0, check.stdout + check.stderr
    redis = place.redis("--appendonly", "yes", directory=copy)
    found = worlds(redis.port)
    redis.stop()
    return found


def test_rewrite(place):
    firn = place.firn(**PLAIN)
    firn.start()
    fill(firn.port)
    connection = Connection(firn.port)
    before = int(info(connection)["aof_current_size"])
    for round in range(3):
        for i in range(100):
            connection.call("SET", "again", "x" * 1000)
        reply = connection.call("BGREWRITEAOF")
        assert reply == ("+", b"Background append only file rewriting started")
        connection.call("SET", f"during:{round}", "yes")
        figures = rewritten(connection)
        assert figures["aof_last_bgrewrite_status"] == "ok"
        assert figures["aof_rewrites"] == "1"
        connection.call("RPUSH", "after", round)
        named = manifest(place.path)
        assert [kind for _, kind in named] == ["b", "i"]
        assert files(place.path) == sorted([n for n, _ in named] + ["appendonly.aof.manifest"])
        sizes = log_bytes(place, named)
        # An idle log gets a line that tells that it is durable.
        assert sizes <= int(info(connection)["aof_current_size"]) <= sizes + NOTE_BYTES_MAX
        assert 0 < int(figures["aof_base_size"]) <= sizes
        held = worlds(firn.port)
        assert_same(loaded_by_redis(place), held)
        connection.close()
        firn.restart(signal.SIGKILL)
        connection = Connection(firn.port)
        # So does one that was just opened.
        sizes = log_bytes(place, named)
        assert sizes <= int(info(connection)["aof_current_size"]) <= sizes + NOTE_BYTES_MAX
        assert_same(worlds(firn.port), held)
    assert int(info(connection)["aof_current_size"]) < 2 * before


def test_rewrite_by_itself(place):
    firn = place.firn(cold_tier="no", auto_aof_rewrite_min_size="100kb")
    firn.start()
    connection = Connection(firn.port)
    for i in range(600):
        connection.call("SET", f"key:{i % 10}", b"%d" % i * 300)
    wait_for(lambda: int(info(connection)["aof_rewrites"]) > 0)
    rewritten(connection)
    assert int(info(connection)["aof_current_size"]) < 500_000
    held = worlds(firn.port)
    firn.restart(signal.SIGKILL)
    assert_same(worlds(firn.port), held)


def test_replies(place):
    firn = place.firn(**PLAIN, save="")
    firn.start()
    connection = Connection(firn.port)
    connection.pipeline([("SET", f"key:{i}", "x" * 1000) for i in range(3000)])
    connection.send(("BGREWRITEAOF",), ("BGREWRITEAOF",), ("BGSAVE",), ("BGSAVE", "SCHEDULE"))
    replies = [connection.read() for _ in range(4)]
    assert replies[:2] == [
        ("+", b"Background append only file rewriting started"),
        ("-", b"ERR Background append only file rewriting already in progress")]
    rewritten(connection)
    wait_for(lambda: info(connection)["rdb_bgsave_in_progress"] == "0")
    connection.send(("BGSAVE",), ("BGREWRITEAOF",), ("INFO", "persistence"))
    assert connection.read() == ("+", b"Background saving started")
    assert connection.read() == ("+", b"Background append only file rewriting scheduled")
    assert b"aof_rewrite_scheduled:1" in connection.read()[1]
    rewritten(connection)
    connection.send(("MULTI",), ("BGREWRITEAOF",), ("EXEC",))
    connection.read(), connection.read()
    assert connection.read()[1] == [("+", b"Background append only file rewriting scheduled")]
    assert rewritten(connection)["aof_rewrites"] == "3"
    assert info(connection)["aof_enabled"] == "1"


def test_a_flush_during_the_rewrite(place):
    firn = place.firn(**PLAIN)
    firn.start()
    connection = Connection(firn.port)
    for _ in range(10):
        connection.pipeline([("SET", f"key:{i}", "x" * 1000) for i in range(3000)])
        connection.send(("BGREWRITEAOF",), ("PING",))
        connection.read(), connection.read()
        connection.call("FLUSHALL")
        connection.call("SET", "left", "over")
    rewritten(connection)
    held = worlds(firn.port)
    assert held[0] == {b"left": [b"over", -1]}
    firn.restart(signal.SIGKILL)
    assert_same(worlds(firn.port), held)


def test_the_expiry_is_taken_away_after_the_base(place):
    """A base keeps keys past their time: the log may say that they stay."""
    firn = place.firn(**PLAIN)
    firn.start()
    connection = Connection(firn.port)
    connection.call("SET", "stays", "value", "PX", 700)
    connection.call("SET", "goes", "value", "PX", 700)
    connection.call("BGREWRITEAOF")
    rewritten(connection)
    assert connection.call("PERSIST", "stays") == (":", 1)
    firn.stop(signal.SIGKILL)
    time.sleep(0.8)
    firn.start()
    connection = Connection(firn.port)
    assert connection.plain("GET", "stays") == b"value"
    assert connection.plain("GET", "goes") is None


def test_nothing_is_evicted_while_the_log_is_read(place):
    """A key that went in between would be made anew, wrongly, by a later effect."""
    firn = place.firn(**PLAIN)
    firn.start()
    connection = Connection(firn.port)
    connection.pipeline([("SET", f"counter:{i}", 1) for i in range(2000)])
    connection.pipeline([("SET", f"filler:{i}", "x" * 5000) for i in range(2000)])
    connection.pipeline([("INCR", f"counter:{i}") for i in range(2000)])
    firn.options["maxmemory"] = "5mb"
    firn.restart(signal.SIGKILL)
    connection = Connection(firn.port)
    values = connection.plain("MGET", *[f"counter:{i}" for i in range(2000)])
    assert set(values) <= {None, b"2"}


def test_from_no_cold_tier_to_one_and_not_back(place):
    firn = place.firn(**PLAIN)
    firn.start()
    fill(firn.port)
    connection = Connection(firn.port)
    connection.call("BGREWRITEAOF")
    rewritten(connection)
    connection.call("DEL", "key:7")
    connection.call("SET", "key:8", "changed")
    held = worlds(firn.port)
    firn.stop(signal.SIGKILL)
    tiered = place.firn(maxmemory="3mb")
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        tiered.start()
        assert_same(worlds(tiered.port), held)
        tiered.stop(number)
    refused = subprocess.run(
        [BINARY, "--port", str(free_port()), "--dir", place.path, "--cold-tier", "no"],
        capture_output=True, text=True, timeout=30)
    assert refused.returncode == 1
    assert "holds a part of the data" in refused.stdout + refused.stderr
    tiered.start()
    assert_same(worlds(tiered.port), held)


@TIERS
def test_turned_on_and_off(place, tier):
    """CONFIG SET appendonly, and what a kill leaves after it."""
    options = {"cold_tier": tier, "save": "", "auto_aof_rewrite_percentage": 0}
    if tier == "yes":
        options["maxmemory"] = "3mb"
    firn = place.firn(**options, appendonly="no")
    firn.start()
    fill(firn.port)
    connection = Connection(firn.port)
    assert info(connection)["aof_enabled"] == "0"
    assert connection.call("CONFIG", "SET", "appendonly", "yes") == ("+", b"OK")
    assert info(connection)["aof_enabled"] == "1"
    connection.call("SET", "while it begins", "value")
    rewritten(connection)
    connection.call("SET", "logged", "value")
    held = worlds(firn.port)
    firn.options["appendonly"] = "yes"
    for _ in range(2):
        firn.restart(signal.SIGKILL)
        assert_same(worlds(firn.port), held)
    connection = Connection(firn.port)
    connection.call("SET", "more", "value")
    assert connection.call("CONFIG", "SET", "appendonly", "no") == ("+", b"OK")
    assert info(connection)["aof_enabled"] == "0"
    wait_for(lambda: "aof_current_size" not in info(connection))
    held = worlds(firn.port)
    connection.call("SET", "not logged", "value")
    firn.restart(signal.SIGKILL)
    assert_same(worlds(firn.port), held)
    # Off once more, then the snapshot counts.
    connection = Connection(firn.port)
    connection.call("CONFIG", "SET", "appendonly", "no")
    wait_for(lambda: "aof_current_size" not in info(connection))
    connection.call("SET", "saved", "value")
    assert connection.call("SAVE") == ("+", b"OK")
    held = worlds(firn.port)
    firn.options["appendonly"] = "no"
    firn.restart()
    assert_same(worlds(firn.port), held)


@TIERS
def test_turned_on_and_ended_at_once(place, tier):
    firn = place.firn(cold_tier=tier, save="", appendonly="no")
    firn.start()
    fill(firn.port)
    held = worlds(firn.port)
    assert Connection(firn.port).call("CONFIG", "SET", "appendonly", "yes") == ("+", b"OK")
    firn.options["appendonly"] = "yes"
    firn.restart()
    assert_same(worlds(firn.port), held)


@TIERS
def test_turned_to_and_fro(place, tier):
    firn = place.firn(cold_tier=tier, save="", **DEBUG)
    firn.start()
    connection = Connection(firn.port)
    for i in range(scaled(60)):
        connection.call("CONFIG", "SET", "appendonly", "no" if i % 2 == 0 else "yes")
        connection.pipeline([("RPUSH", "list", i), ("SET", f"key:{i}", "x" * 100)])
        if i % 7 == 0:
            time.sleep(0.02)
    connection.call("CONFIG", "SET", "appendonly", "yes")
    wait_for(lambda: "aof_current_size" in info(connection))
    rewritten(connection)
    held = digest(connection)
    firn.restart(signal.SIGKILL)
    assert digest(Connection(firn.port)) == held


@TIERS
@pytest.mark.parametrize("maxmemory", ["0", "3mb"])
def test_reload(place, tier, maxmemory):
    if tier == "no" and maxmemory != "0":
        pytest.skip("evicts")
    firn = place.firn(cold_tier=tier, maxmemory=maxmemory, auto_aof_rewrite_percentage=0, **DEBUG)
    firn.start()
    fill(firn.port)
    connection = Connection(firn.port, timeout=60)
    held = digest(connection)

    def asked(*words):
        reply = connection.call(*words)
        deadline = time.time() + 20
        while reply[0] == "-" and b"can't be written now" in reply[1]:
            assert time.time() < deadline
            time.sleep(0.01)
            reply = connection.call(*words)
        return reply

    for words in [("RELOAD",), ("LOADAOF",), ("RELOAD", "NOSAVE"), ("LOADAOF",),
                  ("RELOAD", "MERGE", "NOFLUSH"), ("LOADAOF",)]:
        assert asked("DEBUG", *words) == ("+", b"OK"), words
        assert digest(connection) == held, words
        assert connection.plain("DBSIZE") == len(connection.plain("KEYS", "*"))
        firn.restart(signal.SIGKILL)
        connection = Connection(firn.port, timeout=60)
        assert digest(connection) == held, words
    connection.call("BGREWRITEAOF")
    rewritten(connection)
    connection.call("SET", "key:1", "newer")
    connection.call("FLUSHALL") if maxmemory == "0" else None
    connection.call("SET", "alone", "value")
    held = digest(connection)
    assert asked("DEBUG", "LOADAOF") == ("+", b"OK")
    assert digest(connection) == held
    # A snapshot of other content takes the place of what is there, or joins it.
    assert connection.call("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE") == ("+", b"OK")
    assert connection.plain("GET", "alone") == b"value"
    assert connection.plain("GET", "key:1") != b"newer"
    held = digest(connection)
    firn.restart(signal.SIGKILL)
    connection = Connection(firn.port, timeout=60)
    assert digest(connection) == held
    assert connection.call("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH") == (
        "-", b"ERR Error trying to load the RDB dump")
    assert connection.call("DEBUG", "RELOAD", "LATER")[0] == "-"
    assert digest(connection) == held
    assert connection.call("DEBUG", "RELOAD", "NOSAVE") == ("+", b"OK")
    assert connection.plain("GET", "alone") is None
    held = digest(connection)
    firn.restart(signal.SIGKILL)
    assert digest(Connection(firn.port)) == held


def test_a_damaged_snapshot_changes_nothing(place):
    firn = place.firn(cold_tier="no", **DEBUG)
    firn.start()
    connection = Connection(firn.port)
    connection.pipeline([("SET", f"key:{i}", "value") for i in range(100)])
    connection.call("SAVE")
    path = pathlib.Path(place.path) / "dump.rdb"
    path.write_bytes(path.read_bytes()[:-20])
    held = digest(connection)
    assert connection.call("DEBUG", "RELOAD", "NOSAVE")[0] == "-"
    assert digest(connection) == held
    path.unlink()
    assert connection.call("DEBUG", "RELOAD", "NOSAVE")[0] == "-"
    assert digest(connection) == held


@pytest.mark.parametrize("how", ["restore", "purge", "all"])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_what_left_the_archive_does_not_come_back(place, how, checkpoint):
    firn = place.firn(auto_aof_rewrite_percentage=0)
    firn.start()
    connection = Connection(firn.port)
    for i in range(5):
        connection.call("SET", f"key:{i}", "value", "PX", 1)
    wait_for(lambda: connection.plain("DBSIZE") == 0)
    if checkpoint:
        connection.call("BGREWRITEAOF")
        rewritten(connection)
    left = 4
    if how == "restore":
        assert connection.call("ARCHIVE", "RESTORE", "key:1", "back", "TTL", 10**9) == ("+", b"OK")
    elif how == "purge":
        assert connection.plain("ARCHIVE", "PURGE", "key:1") == 1
    else:
        assert connection.plain("ARCHIVE", "PURGE", "ALL") == 5
        left = 0
    for _ in range(2):
        firn.restart(signal.SIGKILL)
        connection = Connection(firn.port)
        assert connection.plain("ARCHIVE", "LEN") == left
        assert connection.plain("ARCHIVE", "GET", "key:1") is None
        if how == "restore":
            assert connection.plain("GET", "back") == b"value"
    connection.call("BGREWRITEAOF")
    rewritten(connection)
    firn.restart(signal.SIGKILL)
    assert Connection(firn.port).plain("ARCHIVE", "LEN") == left
