"""firn-check on whole directories, and on a cold tier damaged in every way at hand: it must never
crash or hang, must find what is damaged, and what it mends must serve."""

import base64
import json
import random
import re
import shutil
import signal
import struct
import subprocess

import pytest
from checking import (  # noqa: F401
    BUILT, CHECK, check, copy, damage, flip, keys_of, killed, known_as, real, SEED, segments,
    served, split, state, stopped, wait_for_checkpoint)
from conftest import TORTURE

pytestmark = BUILT


@pytest.mark.parametrize("kind", ["stopped", "killed"])
def test_a_whole_directory_is_good_and_stays_as_it_is(kind, request):
    whole = request.getfixturevalue(kind)
    before = state(whole.path)
    report = check(whole.path, status=0)
    assert real(report) == []
    figures = {part["name"]: part["figures"] for part in report["parts"]}
    assert figures["runs"]["runs"] >= (1 if TORTURE else 2) and figures["runs"]["in chunks"] > 0
    assert figures["keys"]["expiring"] >= 24 and figures["archive"]["values"] > 0
    assert figures["snapshot"]["keys"] > 0 and figures["log"]["segments"] == 1
    if kind == "stopped":
        assert figures["keys"]["live keys"] == len(whole.expected)
    else:
        assert figures["log"]["effects"] >= 400
    assert state(whole.path) == before
    check(whole.path, "--fix", status=0)
    text = subprocess.run([CHECK, whole.path], capture_output=True, check=True).stdout.decode()
    assert text.splitlines()[-1].endswith("all good")
    quiet = subprocess.run([CHECK, whole.path, "--quiet"], capture_output=True, check=True)
    assert quiet.stdout == b""


def test_single_files(stopped):
    for path in (stopped.path / "dump.rdb", stopped.path / "cold" / "data.mdb",
                 stopped.path / "appendonlydir" / "appendonly.aof.manifest",
                 *segments(stopped.path)):
        check(path, status=0)


def test_a_directory_of_segments_without_a_manifest(killed, copy, tmp_path):
    directory = copy(killed)
    made = split(directory)
    archive = tmp_path / "archive"
    archive.mkdir()
    for path in made:
        shutil.copy(path, archive)
    report = check(archive, status=0)
    assert report["parts"][0]["figures"]["segments"] == 3
    (archive / made[1].name).unlink()
    check(archive, status=1)


def test_a_running_server_is_left_alone(start):
    server = start()
    server.client().set("a", "b")
    for words in ([], ["--fix"]):
        report = check(server.directory, *words, status=3)
        assert f"in use by process {server.process.pid}" in report["error"]
    assert "in use" in check(server.directory / "cold" / "data.mdb", status=3)["error"]


def test_what_cannot_be_checked(tmp_path, stopped):
    assert "No such file" in check(tmp_path / "none", status=3)["error"]
    assert "no data directory" in check(tmp_path, status=3)["error"]
    check(tmp_path, "--unknown", status=3)
    check(stopped.path, "--truncate-log-at-damage", status=3)
    (tmp_path / "file").write_text("something else\n")
    check(tmp_path / "file", status=3)
    done = subprocess.run([CHECK, "--help"], capture_output=True, check=True)
    assert b"Exit status" in done.stdout


def test_a_directory_without_its_lock_file(stopped, copy):
    directory = copy(stopped)
    (directory / "firn.lock").unlink()
    (directory / "cold" / "lock.mdb").unlink()
    check(directory, status=0)
    assert not (directory / "firn.lock").exists()
    assert not (directory / "cold" / "lock.mdb").exists()


# MARK: the cold tier


def used_pages(raw):
    """The pages of an LMDB file that its named trees reach: free ones hold old copies."""
    def number(form, at):
        return struct.unpack_from("<" + form, raw, at)[0]

    used, empty = set(), 2**64 - 1
    meta = 4096 if number("Q", 144) < number("Q", 4096 + 144) else 0
    left = [number("Q", meta + 128)]
    while left:
        page = left.pop()
        used.add(page)
        base = page * 4096
        is_branch, lower = number("H", base + 10) & 1, number("H", base + 12)
        for slot in range(base + 16, base + lower, 2):
            node = base + number("H", slot)
            size, flags, width = struct.unpack_from("<IHH", raw, node)
            if is_branch:
                left.append(size | flags << 32)
            elif flags & 1:
                first = number("Q", node + 8 + width)
                used.update(range(first, first + (15 + size) // 4096 + 1))
            elif flags & 2 and number("Q", node + 8 + width + 40) != empty:
                left.append(number("Q", node + 8 + width + 40))
    return used


def places(whole, count, rng):
    """Places in data.mdb inside the one copy in use of a record's payload: key, first byte,
    length."""
    data = (whole.path / "cold" / "data.mdb").read_bytes()
    used = used_pages(data)
    found = []
    keys = sorted(whole.tokens)
    rng.shuffle(keys)
    # Some of each kind.
    keys.sort(key=lambda key: key.startswith("s:") and rng.random() < 0.8)
    for key in keys:
        token = whole.tokens[key]
        piece = rng.randrange(max(len(token) - 4096, 1)) if len(token) > 4096 else 0
        part = token[piece:piece + 32]
        copies = [m.start() for m in re.finditer(re.escape(part), data, re.DOTALL)]
        copies = [at for at in copies if at // 4096 in used]
        if len(copies) == 1:
            found.append((key, copies[0], len(part)))
        if len(found) == count:
            break
    assert len(found) > count // 2
    return found


def test_every_flip_in_a_payload_is_found(stopped, copy):
    rng = random.Random(SEED + 1)
    directory = copy(stopped)
    data = directory / "cold" / "data.mdb"
    for key, offset, length in places(stopped, 60, rng):
        at, bit = offset + rng.randrange(length), rng.randrange(8)
        flip(data, at, bit)
        report = check(directory, status=1)
        assert known_as(key) in keys_of(report), (SEED, key, at, bit, report)
        flip(data, at, bit)
    check(directory, status=0)


def test_what_is_set_aside_and_that_the_rest_serves(stopped, copy, tmp_path):
    rng = random.Random(SEED + 2)
    directory = copy(stopped)
    data = directory / "cold" / "data.mdb"
    lost = {}
    for key, offset, length in places(stopped, 25, rng):
        at = offset + rng.randrange(length)
        flip(data, at, rng.randrange(8))
        lost[known_as(key)] = stopped.tokens[key]
    report = check(directory, "--fix", status=2)
    assert set(lost) <= keys_of(report)
    [aside] = directory.glob("firn-check-*.aside")
    rows = [json.loads(line) for line in aside.read_text().splitlines()]
    assert {row["key"] for row in rows} == set(lost)
    for row in rows:
        raw = base64.b64decode(row["value"]) + base64.b64decode(row["chunks"])
        token = lost[row["key"]]
        assert row["done"] == "deletion" and row["database"] == 0
        # All but one bit of it.
        assert token[:8] in raw or token[-8:] in raw or token[len(token) // 2:][:8] in raw
    check(directory, status=0)
    expected = {k: v for k, v in stopped.expected.items() if known_as(k[1].decode()) not in lost}
    assert served(directory) == expected
    check(directory, status=0)
    # Another name, and it must be a new file.
    flip(data, *[places(stopped, 1, rng)[0][1]])
    occupied = tmp_path / "aside"
    occupied.write_text("mine")
    assert check(directory, "--fix", "--set-aside", occupied)["status"] in (0, 3)
    assert occupied.read_text() == "mine"


def test_no_older_version_comes_back(start, tmp_path):
    server = start()
    client = server.client()
    rng = random.Random(SEED + 3)
    new = rng.randbytes(50)
    client.set("twice", "old" * 20)
    client.set("kept", "old" * 20)
    wait_for_checkpoint(client)
    client.set("twice", new)
    wait_for_checkpoint(client)
    client.set("after", "1")
    server.stop()
    data = server.directory / "cold" / "data.mdb"
    raw = data.read_bytes()
    if raw.count(new) != 1:
        pytest.skip("the runs were merged")
    flip(data, raw.index(new) + 7)
    report = check(server.directory, status=1)
    [finding] = [f for f in report["findings"] if f.get("key") == "twice"]
    check(server.directory, "--fix", status=2)
    server.start()
    client = server.client()
    assert client.get("twice") is None and client.get("kept") == b"old" * 20
    assert client.dbsize() == 2
    if "older version" in finding["text"]:
        assert "keeps the older version hidden" in finding["remedy"]


def test_the_logs_tail_writes_a_lost_key_anew(start):
    server = start(**{"appendfsync": "always"})
    client = server.client()
    rng = random.Random(SEED + 4)
    value = rng.randbytes(60)
    client.set("k", value)
    wait_for_checkpoint(client)
    client.set("k", "newer")
    server.stop(signal.SIGKILL)
    data = server.directory / "cold" / "data.mdb"
    raw = data.read_bytes()
    for at in range(len(raw)):
        at = raw.find(value, at)
        if at < 0:
            break
        flip(data, at)
        raw = data.read_bytes()
    if not TORTURE:
        check(server.directory, "--fix", status=2)
    server.start()
    assert server.client().get("k") == b"newer"


def test_damage_anywhere_in_the_store_ends_in_a_report(stopped, copy):
    """Also where it hits page headers, nodes and meta pages; and when it must be mended."""
    rng = random.Random(SEED + 5)
    directory = copy(stopped)
    data = directory / "cold" / "data.mdb"
    raw = data.read_bytes()
    found = 0
    for round in range(150):
        data.write_bytes(raw)
        for _ in range(rng.choice([1, 1, 3])):
            if round % 3 == 0:
                # Headers of pages, where it hurts.
                page = rng.randrange(len(raw) // 4096)
                what = ("header", page * 4096 + rng.randrange(40))
                flip(data, what[1], rng.randrange(8))
            else:
                what = damage(rng, data)
        report = check(directory)
        assert report["status"] in (0, 1), (SEED, round, what, report)
        found += report["status"]
        if round % 10 == 0 and report["status"] == 1:
            mended = check(directory, "--fix")
            assert mended["status"] in (1, 2), (SEED, round, what, mended)
            if mended["status"] == 2:
                lost = keys_of(mended)
                now = served(directory)
                for (database, key), value in now.items():
                    if known_as(key.decode(errors="replace")) not in lost:
                        assert stopped.expected[database, key] == value, (SEED, round, key)
                shutil.rmtree(directory)
                shutil.copytree(stopped.path, directory)
    assert found > 20
