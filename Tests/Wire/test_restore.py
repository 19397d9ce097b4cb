"""A data directory made of a snapshot, of a log, or of both up to a point in time."""

import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest
from conftest import BINARY, TORTURE
from resp import Connection
from test_dump import DUMP
from test_import import AFTER, AOF, assert_same, fill, from_redis, place, worlds  # noqa: F401

MARKER = "firn.restoring"


def refused(directory, *words):
    """A start that must fail; its last line."""
    done = subprocess.run(
        [BINARY, "--port", "0", "--unixsocket", f"{directory}/s", "--dir", str(directory),
         *map(str, words)], capture_output=True, timeout=60)
    assert done.returncode == 1, done.stdout
    return (done.stdout + done.stderr).decode().strip().splitlines()[-1]


@pytest.fixture
def source(place):  # noqa: F811
    """A redis-server's snapshot and what it holds; the directory is empty otherwise."""
    held = from_redis(place)
    path = pathlib.Path(place.path)
    path.joinpath("dump.rdb").rename(path / "source.rdb")
    return path / "source.rdb", held


@pytest.mark.parametrize("options", [
    {}, {"maxmemory": "2mb"}, {"appendonly": "no"}, {"cold_tier": "no"},
    {"appendonly": "no", "cold_tier": "no"}])
def test_a_snapshot(place, source, options):  # noqa: F811
    path, held = source
    server = place.firn(save="", **options, restore=path)
    server.start()
    assert_same(worlds(server.port), held)
    assert not os.path.exists(f"{place.path}/{MARKER}")
    # What it holds is durable, and its own.
    Connection(server.port).call("SET", "after", "the restore")
    if options.get("appendonly") == "no":
        Connection(server.port).call("SAVE")
    path.unlink()
    server.options.pop("restore")
    server.stop()
    server.start()
    held[0][b"after"] = [b"the restore", -1]
    assert_same(worlds(server.port), held)


def test_memory_stays_within_its_budget(place, source):  # noqa: F811
    path, _ = source
    server = place.firn(maxmemory="3mb", restore=path)
    server.start()
    peak = int(server.client().info("memory")["used_memory_peak"])
    assert peak < 12_000_000, peak


def test_what_is_there_is_replaced_only_by_force(place, source):  # noqa: F811
    path, held = source
    server = place.firn(save="", appendfsync="always")
    server.start()
    server.client().set("old", "value")
    server.stop()
    files = sorted(os.listdir(place.path))
    assert "is not empty; a restore replaces what is there only with --force" in refused(
        place.path, "--restore", path)
    assert sorted(os.listdir(place.path)) == files
    server.start()
    assert server.client().get("old") == b"value"
    server.stop()
    server.options |= {"restore": path, "force": []}
    server.start()
    assert_same(worlds(server.port), held)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_the_snapshot_may_be_in_the_directory(place, force):  # noqa: F811
    held = from_redis(place)
    server = place.firn(save="", restore=f"{place.path}/dump.rdb")
    if force:
        server.options["force"] = []
    server.start()
    assert_same(worlds(server.port), held)
    assert os.path.exists(f"{place.path}/dump.rdb")


def test_a_restore_that_broke_off(place):  # noqa: F811
    redis = place.redis("--enable-debug-command", "local")
    Connection(redis.port).call("DEBUG", "POPULATE", 60_000, "key", 200)
    Connection(redis.port).call("SAVE")
    redis.stop()
    path = pathlib.Path(place.path)
    (path / "dump.rdb").rename(path / "source.rdb")
    words = ["--restore", path / "source.rdb", "--maxmemory", "4mb"]
    process = subprocess.Popen(
        [BINARY, "--port", "0", "--unixsocket", path / "s", "--dir", path, *words],
        stdout=subprocess.DEVNULL)
    deadline = time.time() + 30
    while not (path / "cold" / "data.mdb").exists() or (
            (path / "cold" / "data.mdb").stat().st_size < 500_000):
        assert time.time() < deadline and process.poll() is None
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert (path / MARKER).read_text() == str(path / "source.rdb")
    line = refused(path)
    assert "has not come to its end: run it again, or remove the directory" in line
    # Again, without force: nothing of value is there.
    server = place.firn(maxmemory="4mb", restore=path / "source.rdb")
    server.start()
    client = server.client()
    assert client.dbsize() == 60_000
    assert client.get("key:59999").startswith(b"value:59999")
    server.options.pop("restore")
    server.stop()
    server.start()
    assert server.client().dbsize() == 60_000


@pytest.mark.parametrize("after", [(), (("BGREWRITEAOF",), *AFTER)])
def test_a_log_of_redis(place, after):  # noqa: F811
    held = from_redis(place, *AOF, after=after or AFTER)
    shutil.move(f"{place.path}/appendonlydir", f"{place.path}/source")
    server = place.firn(save="", restore=f"{place.path}/source", maxmemory="3mb")
    server.start()
    assert_same(worlds(server.port), held)


def test_a_single_aof_with_a_preamble(place):  # noqa: F811
    """The layout before Redis 7: commands behind an RDB file, in one."""
    held = from_redis(place, *AOF, after=(("BGREWRITEAOF",), *AFTER))
    log = pathlib.Path(place.path) / "appendonlydir"
    base, = log.glob("*.base.rdb")
    segment = sorted(log.glob("*.incr.aof"))[-1]
    single = pathlib.Path(place.path) / "appendonly.aof"
    single.write_bytes(base.read_bytes() + segment.read_bytes())
    shutil.rmtree(log)
    server = place.firn(save="", restore=single)
    server.start()
    assert_same(worlds(server.port), held)


def test_redis_up_to_a_time(place):  # noqa: F811
    redis = place.redis(*AOF, "--aof-timestamp-enabled", "yes")
    connection = Connection(redis.port)
    connection.call("SET", "kept", 1)
    now = int(time.time())
    while int(time.time()) <= now:
        time.sleep(0.01)
    connection.call("SET", "late", 1)
    redis.stop()
    shutil.move(f"{place.path}/appendonlydir", f"{place.path}/source")
    server = place.firn(restore=f"{place.path}/source", until=now)
    server.start()
    assert sorted(server.client().keys()) == [b"kept"]
    server.stop()
    assert "a log of Redis's has no positions" in refused(
        place.path, "--restore", f"{place.path}/source", "--until", "lsn:1", "--force")


class History:
    """A server with an archive, what it held at some positions, and its files afterwards."""

    def __init__(self, place, **options):  # noqa: F811
        self.path = pathlib.Path(place.path)
        self.archive, self.data = self.path / "archive", self.path / "data"
        self.snapshot = self.path / "snapshot.rdb"
        self.data.mkdir()
        server = place.firn(
            save="", appendfsync="always", log_archive_dir=self.archive, **options)
        server.directory = self.data
        server.start()
        self.server, self.client, self.moments = server, server.client(), []
        self.write(1)
        self.client.save()
        shutil.copy(self.data / "dump.rdb", self.snapshot)
        for step in range(2, 8):
            self.write(step)
            self.remember()
            if step % 2 == 0:
                self.checkpoint()
        self.client.flushall()
        self.write(9)
        server.stop(signal.SIGKILL)
        self.log = self.path / "log"
        shutil.copytree(self.data / "appendonlydir", self.log)

    def write(self, step):
        pipe = self.client.pipeline()
        for i in range(20):
            pipe.set(f"key:{i}", step).incr("sum").rpush("list", step)
        pipe.execute()
        self.client.set(f"volatile:{step}", step, ex=1000)

    def remember(self):
        lsn = self.client.info("replication")["master_repl_offset"]
        second = int(time.time())
        world = self.world(self.client)
        while int(time.time()) == second:
            time.sleep(0.005)
        self.moments.append((lsn, second, world))

    @staticmethod
    def world(client):
        return {key: client.lrange(key, 0, -1) if key == b"list" else client.get(key)
                for key in client.keys()}

    def checkpoint(self):
        done = self.client.info("persistence")["aof_rewrites"]
        self.client.bgrewriteaof()
        deadline = time.time() + 20
        while self.client.info("persistence")["aof_rewrites"] == done:
            assert time.time() < deadline
            time.sleep(0.005)

    def options(self, until=None):
        options = {"restore": self.snapshot, "restore_log": self.archive, "force": []}
        return options if until is None else {**options, "until": until}


@pytest.mark.skipif(TORTURE, reason="restores are the same in both modes")
@pytest.mark.parametrize("options", [{}, {"maxmemory": "2mb"}, {"cold_tier": "no"}])
def test_a_point_in_time(place, options):  # noqa: F811
    history = History(place, **options)
    assert len(list(history.archive.iterdir())) == 3
    goal = history.path / "goal"
    goal.mkdir()
    server = place.firn(save="", **options)
    server.directory = goal

    def restored(until):
        server.options = {**options, "save": "", **history.options(until)}
        # An option that is given twice.
        arguments = [*type(server).arguments(server), "--restore-log", str(history.log)]
        server.arguments = lambda: arguments
        server.start()
        client = server.client()
        world = History.world(client)
        server.stop()
        return world

    for lsn, second, world in history.moments:
        assert restored(f"lsn:{lsn}") == world
        assert restored(second) == world
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second))
        if second % 3 == 0:
            assert restored(stamp) == world
    # One byte less: the last unit, the volatile key, is not in it; nor is half a transaction.
    lsn, _, world = history.moments[2]
    world = dict(world)
    del world[b"volatile:4"]
    assert restored(f"lsn:{lsn - 1}") == world
    assert restored(f"lsn:{lsn - 200}") == history.moments[1][2]
    # All of it.
    assert restored(None)[b"key:0"] == b"9"
    assert restored(None)[b"sum"] == b"20"


def test_what_does_not_fit_is_refused(place, tmp_path):  # noqa: F811
    history = History(place)
    goal = tmp_path / "goal"
    goal.mkdir()
    snapshot, archive = history.snapshot, history.archive
    base = ["--restore", snapshot, "--restore-log"]
    first, second, third = sorted(archive.iterdir())
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "There is no segment to restore" in refused(goal, *base, empty)
    # A segment is missing: in the middle, at the beginning.
    gap = tmp_path / "gap"
    gap.mkdir()
    shutil.copy(first, gap)
    shutil.copy(third, gap)
    assert "but the segment before ends at" in refused(goal, *base, gap)
    os.remove(gap / first.name)
    assert "one is missing between them" in refused(goal, *base, gap)
    assert "in a snapshot: restore that" in refused(goal, "--restore", gap)
    # Damage in the middle is no torn tail.
    bad = tmp_path / "bad"
    shutil.copytree(archive, bad)
    content = bytearray((bad / second.name).read_bytes())
    content[len(content) // 2] ^= 1
    (bad / second.name).write_bytes(content)
    assert f"{second.name} is damaged at offset" in refused(goal, *base, bad)
    damaged = bytearray(snapshot.read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "damaged.rdb").write_bytes(damaged)
    assert "its checksum is wrong" in refused(goal, "--restore", tmp_path / "damaged.rdb")
    # Limits before what there is.
    lsn, moment, _ = history.moments[0]
    assert "which is behind 1" in refused(goal, *base, archive, "--until", "lsn:1")
    assert "which is after 1" in refused(goal, *base, archive, "--until", "1")
    assert "--until takes a time" in refused(goal, *base, archive, "--until", "yesterday")
    assert "go with --restore" in refused(goal, "--until", "5")
    assert "--restore needs a value" in refused(goal, "--restore")
    assert "name the log with --restore-log" in refused(
        goal, "--restore", snapshot, "--until", f"lsn:{lsn}")
    assert "There is no" in refused(goal, "--restore", tmp_path / "nothing.rdb")
    (tmp_path / "text").write_text("hello")
    assert "neither an RDB file nor a log" in refused(goal, "--restore", tmp_path / "text")
    assert "is a data directory with a cold tier" in refused(goal, "--restore", history.data)
    inside = history.data / "appendonlydir"
    assert "copy it first" in refused(history.data, "--restore", inside, "--force")
    # Another server's segments do not count.
    other = tmp_path / "other"
    other.mkdir()
    server = place.firn(appendfsync="always")
    server.directory = other
    server.start()
    server.client().set("a", 1)
    server.stop(signal.SIGKILL)
    assert "There is no segment to restore" in refused(
        goal, *base, other / "appendonlydir")
    # After all that it still can be done.
    goal_server = place.firn(save="", **history.options())
    goal_server.directory = goal
    goal_server.start()
    assert goal_server.client().get("key:0") == b"6"


def test_segments_alone(place):  # noqa: F811
    """A log from its first position on needs no snapshot."""
    history = History(place)
    goal = history.path / "goal"
    goal.mkdir()
    lsn, _, world = history.moments[-1]
    server = place.firn(save="", restore=history.archive, restore_log=history.log,
                        until=f"lsn:{lsn}")
    server.directory = goal
    server.start()
    assert History.world(server.client()) == world
    server.stop()
    server.options = {"save": "", "restore": sorted(history.archive.iterdir())[0], "force": []}
    server.start()
    assert server.client().get("key:0") == b"2"


@pytest.mark.skipif(not os.path.exists(DUMP), reason="firn-dump is not built")
def test_without_a_server(place, source):  # noqa: F811
    path, held = source
    goal = pathlib.Path(place.path) / "goal"
    done = subprocess.run([DUMP, "restore", path, goal], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"keys loaded, 0 effects applied" in done.stderr
    again = subprocess.run([DUMP, "restore", path, goal], capture_output=True, timeout=60)
    assert again.returncode == 1 and b"--force" in again.stderr
    server = place.firn(save="")
    server.directory = goal
    server.start()
    assert_same(worlds(server.port), held)
    busy = subprocess.run([DUMP, "restore", path, goal, "--force"], capture_output=True, timeout=60)
    assert busy.returncode == 1 and b"is in use by process" in busy.stderr
