"""TIER COMPACT: the cold tier moves into a new file while clients use the server, and the disk gets
back what deletions left free. Whatever happens meanwhile, every value is right afterwards."""

import os
import pathlib
import random
import signal
import subprocess
import threading
import time

import pytest
import redis
from conftest import BINARY, TORTURE, scaled
from test_backup import finished, opened
from test_import import place  # noqa: F401

pytestmark = pytest.mark.skipif(TORTURE, reason="a large store, and nothing that spilling changes")
KEYS = 60_000
DUMP = pathlib.Path(BINARY).with_name("firn-dump")
CHECK = pathlib.Path(BINARY).with_name("firn-check")


def value(key, generation=0):
    return random.Random(key * 1_000_003 + generation).randbytes(600)


def filled(place, **options):  # noqa: F811
    """A server whose keys are nearly all cold, and its client."""
    server = place.firn(save="", maxmemory="20mb", maxmemory_policy="allkeys-lru", **options)
    server.start()
    client = server.client()
    for start in range(0, KEYS, 1000):
        client.mset({f"k:{n}": value(n) for n in range(start, start + 1000)})
    return server, client


def thin_out(client, keep=10):
    """Deletes all keys but one in `keep`, and waits until they are gone from the runs too."""
    for start in range(0, KEYS, 1000):
        client.delete(*(f"k:{n}" for n in range(start, start + 1000) if n % keep))
    checkpoint(client)


def checkpoint(client):
    client.bgrewriteaof()
    deadline = time.time() + 60
    while client.info("persistence")["aof_rewrite_in_progress"]:
        assert time.time() < deadline
        time.sleep(0.01)


def ended(client, seconds=60):
    deadline = time.time() + seconds
    while (info := client.info("tiering"))["compact_in_progress"]:
        assert time.time() < deadline, info
        time.sleep(0.01)
    return info


def compact(client):
    assert client.execute_command("TIER", "COMPACT") == b"Background compaction started"


def used(server):
    """Bytes of the disk that the cold tier takes."""
    directory = pathlib.Path(server.directory) / "cold"
    return sum(path.stat().st_blocks * 512 for path in directory.iterdir())


def files(server):
    return sorted(os.listdir(pathlib.Path(server.directory) / "cold"))


def check(client, keep=10, changed=None):
    changed = changed or {}
    for start in range(0, KEYS, 1000):
        names = range(start, start + 1000)
        for n, got in zip(names, client.mget([f"k:{n}" for n in names])):
            expected = changed.get(n, value(n) if n % keep == 0 else None)
            assert got == expected, n


class Load:
    """Clients that write keys of their own, delete and read them, each knowing what it wrote."""

    def __init__(self, server, count=3):
        self.known = [{} for _ in range(count)]
        self.errors = []
        self.ends = False
        self.operations = 0
        self.threads = [
            threading.Thread(target=self.run, args=(server.client(), i)) for i in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ends = True
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors

    def run(self, client, index):
        rng = random.Random(index)
        known = self.known[index]
        try:
            while not self.ends:
                name = f"load:{index}:{rng.randrange(3000)}"
                if rng.random() < 0.5:
                    known[name] = rng.randbytes(rng.choice([20, 500, 9000]))
                    client.set(name, known[name])
                elif rng.random() < 0.3:
                    known.pop(name, None)
                    client.delete(name)
                else:
                    assert client.get(name) == known.get(name), name
                self.operations += 1
        except (AssertionError, redis.RedisError) as error:
            self.errors.append(error)

    def check(self, client):
        for index, known in enumerate(self.known):
            for n in range(3000):
                name = f"load:{index}:{n}"
                assert client.get(name) == known.get(name), name


def test_the_disk_gets_its_space_back(place):  # noqa: F811
    server, client = filled(place)
    # Fields for who waits for a first one.
    info = client.info("tiering")
    assert info["compact_in_progress"] == 0 and info["compact_state"] == "idle"
    assert info["compactions"] == 0
    thin_out(client)
    before = used(server)
    assert before > 30 << 20
    with Load(server) as load:
        compact(client)
        info = ended(client)
        # It goes on in the new file.
        operations = load.operations
        deadline = time.time() + 30
        while load.operations < operations + scaled(2000):
            assert time.time() < deadline
            time.sleep(0.01)
    assert info["compact_last_status"] == "ok", info
    assert info["compactions"] == 1
    assert info["compact_last_freed_bytes"] > before // 3
    assert info["compact_last_duration_ms"] >= 0
    assert used(server) < before * 2 // 3
    assert files(server) == ["data.mdb", "lock.mdb"]
    check(client)
    load.check(client)
    # Without load, nothing but what is left.
    client.delete(*(name for known in load.known for name in known))
    checkpoint(client)
    compact(client)
    assert ended(client)["compact_last_status"] == "ok"
    assert used(server) < before // 4
    server.restart()
    client = server.client()
    assert client.dbsize() == KEYS // 10
    check(client)
    assert client.info("tiering")["damaged_records"] == 0


def test_errors(place):  # noqa: F811
    server, client = filled(place, checkpoint_bandwidth="1mb")

    def refused(*words):
        with pytest.raises(redis.ResponseError) as caught:
            client.execute_command("TIER", "COMPACT", *words)
        return str(caught.value)

    assert refused("ABORT") == "Background compaction is currently not in progress"
    assert refused("SOON") == "syntax error"
    assert refused("ABORT", "NOW") == "syntax error"
    compact(client)
    assert refused() == "Background compaction already in progress"
    while client.info("tiering")["compact_state"] != "copying":
        time.sleep(0.01)
    progress = client.info("tiering")
    assert 0 < progress["compact_done_bytes"] < progress["compact_total_bytes"]
    assert "compact.mdb" in files(server)
    assert client.execute_command("TIER", "COMPACT", "abort") == b"Background compaction aborted"
    info = ended(client, 5)
    assert info["compact_last_status"] == "aborted"
    assert info["compactions"] == 0
    assert files(server) == ["data.mdb", "lock.mdb"]
    # The quota counts the copy.
    client.config_set("cold-max-bytes", info["cold_used_bytes"] * 3 // 2)
    assert "cold-max-bytes leaves no room for a second copy" in refused()
    client.config_set("cold-max-bytes", 0)
    # A server that ends does not wait for it, and leaves nothing.
    compact(client)
    while client.info("tiering")["compact_state"] != "copying":
        time.sleep(0.01)
    server.restart()
    assert files(server) == ["data.mdb", "lock.mdb"]
    check(server.client(), keep=1)


def test_without_a_cold_tier(place):  # noqa: F811
    server = place.firn(cold_tier="no")
    server.start()
    for words in ([], ["ABORT"]):
        with pytest.raises(redis.ResponseError, match="this server runs with 'cold-tier no'"):
            server.client().execute_command("TIER", "COMPACT", *words)


def test_killed_at_any_moment(place):  # noqa: F811
    server, client = filled(place, checkpoint_bandwidth="60mb")
    rng = random.Random(5)
    changed = {}
    leftovers = 0
    for generation in range(1, 13):
        compact(client)
        for n in rng.sample(range(KEYS), 300):
            changed[n] = value(n, generation)
            client.set(f"k:{n}", changed[n])
        if generation % 3:
            time.sleep(rng.random() * 0.4)
        else:
            ended(client)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        leftovers += files(server) != ["data.mdb", "lock.mdb"]
        server.start()
        client = server.client()
        assert files(server) == ["data.mdb", "lock.mdb"]
        for n in rng.sample(range(KEYS), 2000):
            assert client.get(f"k:{n}") == changed.get(n, value(n)), n
    assert leftovers
    check(client, keep=1, changed=changed)
    assert client.dbsize() == KEYS
    server.stop()
    subprocess.run([CHECK, server.directory], check=True, capture_output=True)


def test_beside_snapshots_and_backups(place):  # noqa: F811
    server, client = filled(place)
    thin_out(client)
    with Load(server, 2) as load:
        for number in range(4):
            if number % 2:
                client.execute_command("BACKUP", f"number-{number}")
            client.bgsave()
            compact(client)
            assert finished(client)["backup_last_status"] == "ok"
            info = ended(client)
            assert info["compact_last_status"] == "ok", info
            while client.info("persistence")["rdb_bgsave_in_progress"]:
                time.sleep(0.01)
            assert client.info("persistence")["rdb_last_bgsave_status"] == "ok"
    load.check(client)
    check(client)
    copy = opened(place, server, "number-3")
    check(copy.client())
    assert copy.client().info("tiering")["damaged_records"] == 0


def test_flushed_meanwhile(place):  # noqa: F811
    server, client = filled(place, checkpoint_bandwidth="20mb")
    compact(client)
    while client.info("tiering")["compact_state"] != "copying":
        time.sleep(0.01)
    client.flushall()
    client.mset({f"new:{n}": value(n) for n in range(1000)})
    assert ended(client)["compact_last_status"] == "ok"
    server.restart()
    client = server.client()
    assert client.dbsize() == 1000
    assert client.mget([f"new:{n}" for n in range(1000)]) == [value(n) for n in range(1000)]


def test_firn_dump_beside_it(place):  # noqa: F811
    """It reads the file that it has opened, or the new one; either is whole."""
    server, client = filled(place)
    thin_out(client)
    statuses = []
    ends = threading.Event()

    def dump():
        while not ends.is_set():
            done = subprocess.run(
                [DUMP, "keys", server.directory], capture_output=True)
            statuses.append((done.returncode, done.stdout.count(b"\n"), done.stderr))

    threads = [threading.Thread(target=dump) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(8):
            compact(client)
            assert ended(client)["compact_last_status"] == "ok"
    finally:
        ends.set()
        for thread in threads:
            thread.join()
    assert len(statuses) > 4
    assert {status[0] for status in statuses} == {0}, statuses
    assert {status[1] for status in statuses} == {KEYS // 10}, {s[1] for s in statuses}
