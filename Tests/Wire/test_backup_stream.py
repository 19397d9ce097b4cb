"""A server that was started from a backup writes a log of its own: its segments and the original's
are never mixed, and both can be restored to any position."""

import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest
from checking import check, flip
from conftest import BINARY, TORTURE
from test_backup import finished
from test_import import place  # noqa: F401
from test_restore import History, refused

pytestmark = pytest.mark.skipif(TORTURE, reason="restores are the same in both modes")


def position(client):
    return client.info("replication")["master_repl_offset"]


class Life:
    """A server that writes, and what it held at which position."""

    def __init__(self, server, name):
        self.server, self.name, self.moments = server, name, []
        self.client = server.client()

    def write(self, steps):
        for step in steps:
            self.client.set("who", self.name)
            self.client.rpush("list", f"{self.name}:{step}")
            self.moments.append((position(self.client), History.world(self.client)))

    def checkpoint(self):
        History.checkpoint(self)

    @property
    def log(self):
        return pathlib.Path(self.server.directory) / "appendonlydir"


class Two:
    """An original and a server on its backup, both with checkpoints before and after."""

    def __init__(self, place, archives, **options):  # noqa: F811
        self.path = pathlib.Path(place.path)
        self.options = {"save": "", "appendfsync": "always", **options}
        archives = [self.path / name for name in archives]
        server = place.firn(**self.options, log_archive_dir=archives[0],
                            backup_dir=self.path / "backup")
        server.directory = self.path / "original"
        server.directory.mkdir()
        server.start()
        self.first = first = Life(server, "original")
        first.write(range(5))
        first.client.save()
        self.snapshot = self.path / "snapshot.rdb"
        shutil.copy(server.directory / "dump.rdb", self.snapshot)
        first.write(range(5, 10))
        first.client.execute_command("BACKUP", "b")
        self.lsn = finished(first.client)["backup_last_lsn"]
        assert self.lsn == position(first.client)
        copy = place.firn(**self.options, log_archive_dir=archives[1])
        copy.directory = self.path / "backup" / "b"
        self.copy_server = copy
        first.write(range(10, 15))
        copy.start()
        self.second = second = Life(copy, "copy")
        second.moments = [m for m in first.moments if m[0] <= self.lsn]
        for step in range(10, 20, 5):
            for life in (first, second):
                life.write(range(step, step + 5))
                life.checkpoint()
        for life in (first, second):
            life.write(range(20, 23))
            life.server.stop(signal.SIGKILL)
        goal = self.path / "goal"
        goal.mkdir()
        self.goal = place.firn()
        self.goal.directory = goal

    def restored(self, source, *logs, until=None):
        self.goal.options = {**self.options, "restore": source, "force": []}
        if until is not None:
            self.goal.options["until"] = until
        more = [word for log in logs for word in ("--restore-log", str(log))]
        arguments = [*type(self.goal).arguments(self.goal), *more]
        self.goal.arguments = lambda: arguments
        self.goal.start()
        world = History.world(self.goal.client())
        self.goal.stop()
        return world


MODES = [{}, {"cold_tier": "no"}]


@pytest.mark.parametrize("options", MODES)
def test_an_archive_of_both(place, options):  # noqa: F811
    """Both move their segments to one archive. A snapshot says whose log is meant."""
    two = Two(place, ("archive", "archive"), **options)
    archive = two.path / "archive"
    streams = {path.name.split("-")[1] for path in archive.iterdir()}
    assert len(streams) == 2
    for lsn, world in two.first.moments[4::3]:
        assert two.restored(two.snapshot, archive, two.first.log, until=f"lsn:{lsn}") == world
    assert two.restored(two.snapshot, archive, two.first.log) == two.first.moments[-1][1]
    # Up to the change there is nothing to choose.
    at_change = next(world for lsn, world in two.first.moments if lsn == two.lsn)
    first, *_ = sorted(archive.iterdir())
    assert two.restored(first, archive, until=f"lsn:{two.lsn}") == at_change
    # Without a snapshot nobody says which log is meant.
    line = refused(two.goal.directory, "--restore", archive, "--force")
    assert f"At position {two.lsn} the log" in line and "Give only the segments" in line
    # The original's segments alone; the copy's with what came before.
    own = sorted(p for p in archive.iterdir() if first.name.split("-")[1] in p.name)
    world = two.restored(own[0], *own[1:], two.first.log)
    assert world == two.first.moments[-1][1]


@pytest.mark.parametrize("options", MODES)
def test_archives_of_their_own(place, options):  # noqa: F811
    two = Two(place, ("one", "other"), **options)
    one, other = two.path / "one", two.path / "other"
    for lsn, world in two.second.moments[4::3]:
        assert two.restored(two.snapshot, other, two.second.log, until=f"lsn:{lsn}") == world
    assert two.restored(two.snapshot, other, two.second.log) == two.second.moments[-1][1]
    assert f"From position {two.lsn} on the log is that of a server" in two.goal.log()
    # The original's segments hold what comes before, and more.
    turn = min(p for p in other.iterdir() if b"former" in p.read_bytes()[:200])
    own = [p for p in other.iterdir() if p.name.split("-")[1] == turn.name.split("-")[1]]
    line = refused(two.goal.directory, "--restore", one, "--restore-log", turn, "--force")
    assert f"At position {two.lsn} the log" in line
    # Whoever has a snapshot of the copy has it all.
    server = two.copy_server
    server.start()
    client = server.client()
    client.set("late", 1)
    client.save()
    client.set("later", 1)
    world = History.world(client)
    server.stop(signal.SIGKILL)
    snapshot = server.directory / "dump.rdb"
    assert two.restored(snapshot, one, other, two.second.log) == world
    assert two.restored(snapshot, *own, two.second.log, two.first.log) == world


def test_a_log_directory_of_the_copy(place):  # noqa: F811
    """Its manifest names segments of both streams."""
    server = place.firn(save="", appendfsync="always")
    server.start()
    client = server.client()
    client.rpush("list", *range(100))
    client.execute_command("BACKUP", "b")
    finished(client)
    copy = place.firn(save="", appendfsync="always")
    copy.directory = pathlib.Path(place.path) / "backup" / "b"
    copy.start()
    copy.client().rpush("list", "copy")
    copy.stop(signal.SIGKILL)
    goal = place.firn(save="", restore=copy.directory / "appendonlydir")
    goal.directory = pathlib.Path(place.path) / "goal"
    goal.directory.mkdir()
    goal.start()
    assert goal.client().llen("list") == 101
    assert goal.client().lindex("list", -1) == b"copy"


def backup(place, **options):  # noqa: F811
    """A backup that nobody has started from, what it holds, and its original's stream."""
    server = place.firn(save="", appendfsync="always", maxmemory="2mb", **options)
    server.start()
    client = server.client()
    for start in range(0, 20_000, 500):
        client.mset({f"key:{i}": f"{i:0200}" for i in range(start, start + 500)})
    client.execute_command("BACKUP", "b")
    finished(client)
    stream = client.info("replication")["master_replid"]
    server.stop(signal.SIGKILL)
    return pathlib.Path(place.path) / "backup" / "b", stream


def test_killed_in_the_first_start(place):  # noqa: F811
    """However often: in the end the log has changed its stream once, and everything is there."""
    made, stream = backup(place)
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    copy = place.firn(save="", appendfsync="always", maxmemory="2mb")
    copy.directory = pathlib.Path(place.path) / "copy"
    marked = begun = 0
    for number in range(12):
        shutil.rmtree(copy.directory, ignore_errors=True)
        shutil.copytree(made, copy.directory)
        for _ in range(rng.randrange(1, 4)):
            process = subprocess.Popen(
                copy.arguments(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.random() * 0.4)
            process.kill()
            process.wait()
        is_marked = (copy.directory / "firn.backup").exists()
        marked, begun = marked + is_marked, begun + (not is_marked)
        copy.start()
        client = copy.client()
        info = client.info("replication")
        assert (info["master_replid2"], info["master_replid"] == stream) == (stream, False), seed
        assert client.dbsize() == 20_000
        client.set("own", number)
        copy.restart(signal.SIGKILL)
        client = copy.client()
        assert client.get("own") == str(number).encode()
        assert client.info("replication")["master_replid"] == info["master_replid"], seed
        copy.stop(signal.SIGKILL)
        assert not (copy.directory / "firn.backup").exists()
        check(copy.directory, status=0)
    print(f"seed {seed}: {marked} times before, {begun} times behind the change")


def test_checked_and_mended(place):  # noqa: F811
    made, stream = backup(place)
    report = check(made, status=0)
    assert any("no server has started from" in f["text"] for f in report["findings"]), report
    copy = place.firn(save="", appendfsync="always", maxmemory="2mb")
    copy.directory = made
    copy.start()
    client = copy.client()
    client.set("own", 1)
    other = client.info("replication")["master_replid"]
    copy.stop(signal.SIGKILL)
    report = check(made, status=0)
    assert not any("started from" in f["text"] for f in report["findings"]), report
    last = max((made / "appendonlydir").glob("*.incr.aof"), key=lambda p: int(p.name.split(".")[2]))
    assert b"former=" in last.read_bytes()[:200]
    # Damage in the original's last segment: what is left is the original's, so a start begins
    # once more.
    segment = sorted(
        (made / "appendonlydir").glob("*.incr.aof"), key=lambda p: int(p.name.split(".")[2]))[-2]
    flip(segment, segment.stat().st_size // 2)
    check(made, status=1)
    check(made, "--fix", "--truncate-log-at-damage", status=2)
    assert (made / "firn.backup").exists()
    copy.start()
    info = copy.client().info("replication")
    assert info["master_replid"] not in (stream, other) and info["master_replid2"] == stream
    assert copy.client().get("own") is None
    copy.stop(signal.SIGKILL)
    check(made, status=0)
