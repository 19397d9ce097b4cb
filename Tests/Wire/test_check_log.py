"""firn-check on logs and snapshots: whole, damaged, cut, exchanged, and what it makes of them."""

import random
import shutil
import signal
import subprocess
import time

import pytest
from checking import (  # noqa: F401
    BUILT, check, copy, damage, flip, killed, real, SEED, segments, served, served_copy, split,
    stopped, wait_for_checkpoint)
from conftest import TORTURE, Server, scaled

pytestmark = BUILT


def test_a_torn_tail_is_cut_and_kept(killed, copy):
    directory = copy(killed)
    [segment] = segments(directory)
    whole = segment.read_bytes()
    torn = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100\r\nnot all of it"
    segment.write_bytes(whole + torn)
    report = check(directory, status=1)
    [finding] = real(report)
    assert finding["severity"] == "warning" and finding["offset"] == len(whole)
    report = check(directory, "--fix", status=2)
    assert any("cut" in line for line in report["fixes"])
    assert segment.read_bytes() == whole
    assert segment.with_name(f"{segment.name}.cut-{len(whole)}").read_bytes() == torn
    assert served(directory) == killed.expected


def test_every_flip_in_a_segment_is_found(killed, copy):
    rng = random.Random(SEED + 6)
    directory = copy(killed)
    [segment] = segments(directory)
    size = segment.stat().st_size
    for _ in range(60):
        at, bit = rng.randrange(size), rng.randrange(8)
        flip(segment, at, bit)
        check(directory, status=1)
        assert check(segment)["status"] == 1, (SEED, at, bit)
        flip(segment, at, bit)
    check(directory, status=0)


def test_damage_in_the_middle_is_cut_only_on_request(killed, copy):
    directory = copy(killed)
    made = split(directory)
    check(directory, status=0)
    assert served_copy(directory) == killed.expected
    damaged = made[1].read_bytes()
    flip(made[1], len(damaged) // 2)
    check(directory, status=1)
    before = made[1].read_bytes()
    check(directory, "--fix", status=1)
    assert made[1].read_bytes() == before
    report = check(directory, "--fix", "--truncate-log-at-damage", status=2)
    assert any("cut" in line for line in report["fixes"])
    kept = [p.name for p in made[1].parent.iterdir() if ".cut-" in p.name]
    assert len(kept) == 2 and f"{made[2].name}.cut-0" in kept
    check(directory, status=0)
    now = served(directory)
    # Some of the tail's keys, in order, and everything before it.
    tail = sorted(int(k[5:]) for _, k in now if k.startswith(b"tail:"))
    assert tail == list(range(len(tail))) and 0 < len(tail)
    # What the cold tier has of it stays.
    assert len(tail) < 200 or TORTURE
    assert {k: v for k, v in now.items() if not k[1].startswith((b"tail", b"counter"))} == \
        {k: v for k, v in killed.expected.items() if not k[1].startswith((b"tail", b"counter"))}


def test_positions_do_not_repeat_behind_a_cut(start):
    """Records of the store may be newer than where the log is cut: what is written afterwards must
    survive the next crash all the same."""
    server = start(**{"appendfsync": "always", "maxmemory": "4mb"})
    client = server.client()
    rng = random.Random(SEED + 7)
    for n in range(scaled(3000)):
        client.set(f"k:{n % 900}", rng.randbytes(4000))
    server.stop(signal.SIGKILL)
    path = segments(server.directory)[-1]
    at = path.read_bytes().index(b"\r\n") + 400
    flip(path, at)
    check(server.directory, "--fix", "--truncate-log-at-damage", status=2)
    server.start()
    client = server.client()
    for n in range(900):
        client.set(f"k:{n}", str(n))
    server.stop(signal.SIGKILL)
    check(server.directory, status=0)
    server.start()
    client = server.client()
    assert all(client.get(f"k:{n}") == str(n).encode() for n in range(900))


def test_segments_missing_swapped_and_doubled(killed, copy):
    directory = copy(killed)
    made = split(directory)
    kept = {path: path.read_bytes() for path in made}

    def restore():
        for path, content in kept.items():
            path.write_bytes(content)

    for path in made:
        path.unlink()
        report = check(directory, status=1)
        assert any("missing" in f["text"] for f in report["findings"]), report
        restore()
    for a, b in ((0, 1), (1, 2), (0, 2)):
        made[a].write_bytes(kept[made[b]])
        made[b].write_bytes(kept[made[a]])
        check(directory, status=1)
        restore()
        made[a].write_bytes(kept[made[b]])
        check(directory, status=1)
        restore()
    manifest = directory / "appendonlydir" / "appendonly.aof.manifest"
    text = manifest.read_text()
    lines = [line for line in text.splitlines(keepends=True) if line.endswith("type i\n")]
    # A segment is taken for one that is no longer needed, or is not named.
    for line in lines:
        manifest.write_text(text.replace(line, line.replace("type i", "type h")))
        check(directory, status=1)
        manifest.write_text(text.replace(line, ""))
        check(directory, status=1)
    manifest.write_text("".join(reversed(lines)))
    check(directory, status=1)
    manifest.write_text(text)
    check(directory, status=0)
    manifest.unlink()
    check(directory, status=1)


def test_a_log_that_ends_before_the_store(start):
    """A cut that has taken what was acknowledged is no torn tail."""
    server = start(**{"maxmemory": "4mb", "auto-aof-rewrite-percentage": "0"})
    client = server.client()
    rng = random.Random(SEED + 10)
    for n in range(3000):
        client.set(f"k:{n}", rng.randbytes(5000))
    server.stop(signal.SIGKILL)
    [path] = segments(server.directory)
    whole = path.read_bytes()
    head = whole.index(b"\r\n") + 2
    data = (server.directory / "cold" / "data.mdb").read_bytes()
    assert len(data) > 5 << 20
    check(server.directory, status=0)
    path.write_bytes(whole[:head])
    report = check(server.directory, status=1)
    assert any("end is missing" in f["text"] for f in report["findings"]), report
    path.write_bytes(whole[:head + 10])
    report = check(server.directory, "--fix", status=1)
    assert all(f["severity"] == "error" for f in real(report)), report
    assert path.read_bytes() == whole[:head + 10]
    assert (server.directory / "cold" / "data.mdb").read_bytes() == data
    check(server.directory, "--fix", "--truncate-log-at-damage", status=2)
    check(server.directory, status=0)
    server.start()
    assert server.client().dbsize() > 500


def test_a_segment_whose_beginning_is_gone(killed, copy):
    directory = copy(killed)
    made = split(directory)
    flip(made[2], 3)
    check(directory, status=1)
    check(directory, "--fix", "--truncate-log-at-damage", status=2)
    assert not made[2].exists() and made[2].with_name(f"{made[2].name}.cut-0").exists()
    served(directory)


def test_the_log_of_another_directory(killed, stopped, copy):
    directory = copy(killed)
    shutil.rmtree(directory / "appendonlydir")
    shutil.copytree(stopped.path / "appendonlydir", directory / "appendonlydir")
    report = check(directory, status=1)
    assert any("another stream" in f["text"] for f in report["findings"])
    shutil.rmtree(directory / "cold")
    check(directory, status=1)


def test_damage_anywhere_in_the_log_ends_in_a_report(killed, copy):
    rng = random.Random(SEED + 8)
    directory = copy(killed)
    made = split(directory)
    files = [*made, directory / "appendonlydir" / "appendonly.aof.manifest"]
    kept = {path: path.read_bytes() for path in files}
    for round in range(100):
        path = rng.choice(files)
        what = damage(rng, path)
        words = rng.choice([[], [], ["--fix"], ["--fix", "--truncate-log-at-damage"]])
        report = check(directory, *words)
        assert report["status"] in (0, 1, 2), (SEED, round, path, what, report)
        if report["status"] == 2:
            served_copy(directory)
        for file, content in kept.items():
            file.write_bytes(content)
        for extra in directory.glob("appendonlydir/*.cut-*"):
            extra.unlink()
    check(directory, status=0)


# MARK: other kinds of directories


def test_without_a_cold_tier(start):
    server = start(**{"cold-tier": "no"})
    client = server.client()
    rng = random.Random(SEED + 11)
    for n in range(100):
        client.set(f"k:{n}", rng.randbytes(30))
        client.rpush("list", rng.randbytes(20))
    wait_for_checkpoint(client)
    client.set("after", "1")
    client.ping()
    server.stop(signal.SIGKILL)
    directory = server.directory
    report = check(directory, status=0)
    names = [part["name"] for part in report["parts"]]
    assert "base" in names and "runs" not in names
    [base] = (directory / "appendonlydir").glob("*.base.rdb")
    for _ in range(20):
        at = rng.randrange(base.stat().st_size)
        flip(base, at)
        check(directory, status=1)
        flip(base, at)
    base.rename(base.with_suffix(".away"))
    check(directory, status=1)


@pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is not installed")
def test_a_directory_of_redis(tmp_path):
    server = Server(tmp_path, {})
    server.process = subprocess.Popen(
        ["redis-server", "--port", str(server.port), "--dir", str(tmp_path), "--appendonly", "yes"],
        stdout=subprocess.DEVNULL)
    try:
        deadline = time.time() + 10
        while True:
            try:
                server.raw().close()
                break
            except OSError:
                assert time.time() < deadline
                time.sleep(0.01)
        client = server.client()
        for n in range(50):
            client.set(f"k:{n}", "v" * n)
        client.save()
    finally:
        server.stop()
    report = check(tmp_path, status=0)
    assert {"log of Redis", "base", "snapshot"} <= {part["name"] for part in report["parts"]}
    [segment] = segments(tmp_path)
    check(segment, status=0)
    with open(segment, "ab") as file:
        file.write(b"*3\r\n$3\r\nSET")
    check(tmp_path, status=1)
    check(segment, status=1)


# MARK: snapshots


def test_every_flip_in_a_snapshot_is_found(stopped, copy):
    rng = random.Random(SEED + 9)
    directory = copy(stopped)
    path = directory / "dump.rdb"
    raw = path.read_bytes()
    for _ in range(80):
        at, bit = rng.randrange(len(raw)), rng.randrange(8)
        flip(path, at, bit)
        assert check(path)["status"] == 1, (SEED, at, bit)
        flip(path, at, bit)
    for _ in range(10):
        path.write_bytes(raw[:rng.randrange(len(raw))])
        check(directory, status=1)
    path.write_bytes(raw + b"x")
    check(directory, status=1)
    path.write_bytes(raw)
    check(directory, status=0)
