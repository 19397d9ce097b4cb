"""BACKUP: a directory that a server starts from, copied while this one serves."""

import os
import pathlib
import threading
import time

import pytest
import redis
from conftest import scaled
from resp import Connection, ReplyError
from test_import import assert_same, fill, place, worlds  # noqa: F401

ACCOUNTS = 20
MODES = [{}, {"maxmemory": "2mb"}, {"cold_tier": "no"}]


def finished(client, seconds=60):
    """Waits for a backup; what INFO says of it."""
    deadline = time.time() + seconds
    while True:
        info = client.info("persistence")
        if not info["backup_in_progress"]:
            return info
        assert time.time() < deadline
        time.sleep(0.005)


def opened(place, server, name, **options):  # noqa: F811
    """A server on a backup."""
    copy = place.firn(save="", **options)
    copy.directory = pathlib.Path(server.directory) / "backup" / name
    copy.start()
    return copy


@pytest.mark.parametrize("options", MODES)
def test_everything_is_in_it(place, options):  # noqa: F811
    server = place.firn(save="", enable_debug_command="yes", **options)
    server.start()
    fill(server.port)
    client = server.client()
    client.bgrewriteaof()
    client.set("after", "the checkpoint")
    held = worlds(server.port)
    assert client.execute_command("BACKUP", "one") == b"Background backup started"
    info = finished(client)
    assert (info["backup_last_status"], info["backup_last_name"]) == ("ok", "one")
    assert info["backup_last_lsn"] == client.info("replication")["master_repl_offset"]
    client.flushall()
    copy = opened(place, server, "one", enable_debug_command="yes", **options)
    assert_same(worlds(copy.port), held)
    # It lives its own life.
    copy.client().set("own", 1)
    copy.restart()
    held[0][b"own"] = [b"1", -1]
    assert_same(worlds(copy.port), held)
    assert worlds(server.port)[0] == {}


def rewrite(client):
    try:
        client.bgrewriteaof()
    except redis.ResponseError as error:
        assert "already in progress" in str(error)


class Load(threading.Thread):
    """Transfers in transactions, and a counter; remembers what was acknowledged."""

    def __init__(self, port, number):
        super().__init__(daemon=True)
        self.connection, self.number = Connection(port), number
        self.acknowledged, self.error, self.ends = 0, None, threading.Event()

    def run(self):
        try:
            while not self.ends.is_set():
                step = self.acknowledged + 1
                a, b = step % ACCOUNTS, (step * 7 + 1) % ACCOUNTS
                replies = self.connection.pipeline([
                    ("MULTI",), ("DECRBY", f"account:{a}", step), ("INCRBY", f"account:{b}", step),
                    ("SET", f"filler:{self.number}:{step % 3000}", "x" * 300),
                    ("SET", f"counter:{self.number}", step), ("EXEC",)])
                assert replies[-1][0] == "*", replies
                self.acknowledged = step
        except (OSError, EOFError, ReplyError, AssertionError) as error:
            self.error = error


@pytest.mark.parametrize("options", MODES)
def test_beside_writers_and_checkpoints(place, options):  # noqa: F811
    server = place.firn(save="", auto_aof_rewrite_percentage=0, **options)
    server.start()
    client = server.client()
    client.mset({f"account:{i}": 0 for i in range(ACCOUNTS)})
    writers = [Load(server.port, n) for n in range(3)]
    for writer in writers:
        writer.start()
    try:
        bounds = []
        for n in range(scaled(60) // 10 or 2):
            while not all(w.acknowledged > 50 * (n + 1) or w.error for w in writers):
                time.sleep(0.002)
            rewrite(client)
            low = [w.acknowledged for w in writers]
            while True:
                try:
                    client.execute_command("BACKUP", f"number-{n}")
                    break
                except Exception as error:  # A base is being written.
                    assert "rewriting in progress" in str(error)
                    low = [w.acknowledged for w in writers]
            rewrite(client)
            info = finished(client)
            assert info["backup_last_status"] == "ok", server.log()
            bounds.append((low, [w.acknowledged + 1 for w in writers]))
    finally:
        for writer in writers:
            writer.ends.set()
        for writer in writers:
            writer.join(30)
    assert not any(w.error for w in writers), [w.error for w in writers]
    for n, (low, high) in enumerate(bounds):
        copy = opened(place, server, f"number-{n}", **options)
        found = copy.client()
        assert sum(map(int, found.mget([f"account:{i}" for i in range(ACCOUNTS)]))) == 0
        counters = [int(x) for x in found.mget([f"counter:{w}" for w in range(3)])]
        assert all(a <= c <= b for a, c, b in zip(low, counters, high)), (low, counters, high)
        assert found.dbsize() == ACCOUNTS + 3 + sum(min(c, 3000) for c in counters)
        copy.stop()
    # The log's files went when they could.
    deadline = time.time() + 20
    rewrite(client)
    log = pathlib.Path(server.directory) / "appendonlydir"
    while len(list(log.glob("*.incr.aof"))) > 1:
        assert time.time() < deadline
        time.sleep(0.01)


def test_names_and_errors(place):  # noqa: F811
    server = place.firn(save="")
    server.start()
    client = server.client()
    client.set("a", 1)

    def refused(*words):
        with pytest.raises(Exception) as caught:
            client.execute_command("BACKUP", *words)
        return str(caught.value)

    assert client.execute_command("BACKUP") == b"Background backup started"
    name = finished(client)["backup_last_name"]
    lsn = client.info("replication")["master_repl_offset"]
    assert name.endswith(f"-{lsn}") and name.startswith("20")
    for bad in ("../x", "a/b", ".hidden", "", "x" * 201, "a b"):
        assert "the name of a backup" in refused(bad)
    assert "syntax error" in refused("a", "b")
    assert "of that name already" in refused(name)
    # What a crash left behind is replaced.
    folder = pathlib.Path(server.directory) / "backup"
    (folder / ".again.partial" / "cold").mkdir(parents=True)
    (folder / ".again.partial" / "cold" / "data.mdb").write_text("half")
    client.execute_command("BACKUP", "again")
    assert finished(client)["backup_last_status"] == "ok"
    assert sorted(os.listdir(folder)) == sorted([name, "again"])
    server.stop()
    server.options["backup-dir"] = "/proc/none"
    server.start()
    client = server.client()
    client.execute_command("BACKUP", "x")
    assert finished(client)["backup_last_status"] == "err"
    assert "Backup 'x' failed: mkdir /proc/none" in server.log()
    # The log is held by nobody.
    server.stop()
    server.options = {"appendonly": "no"}
    folder = pathlib.Path(server.directory) / "other"
    folder.mkdir()
    server.directory = folder
    server.start()
    client = server.client()
    assert "needs the append only file; use BGSAVE" in refused("x")
