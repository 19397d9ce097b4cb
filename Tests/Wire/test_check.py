"""firn-check on whole directories, and on the same directories damaged in every way at hand: it
must never crash or hang, must find what is damaged, and what it mends must serve.

FIRN_CHECK names another executable, FIRN_CHECK_SEED another seed (printed on failure)."""

import base64
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import pytest
from conftest import ROOT, TORTURE, Server, scaled

CHECK = os.environ.get("FIRN_CHECK", str(ROOT / ".build" / "release" / "firn-check"))
SEED = int(os.environ.get("FIRN_CHECK_SEED", "4"))

pytestmark = pytest.mark.skipif(not os.path.exists(CHECK), reason="firn-check is not built")


def check(*words, status=None):
    """Runs firn-check --json; its report, with `status` added. A crash or a fault fails."""
    done = subprocess.run(
        [CHECK, "--json", *map(str, words)], capture_output=True, timeout=120)
    error = done.stderr.decode()
    assert done.returncode in (0, 1, 2, 3), (done.returncode, error)
    assert "beyond what can be checked" not in error, error
    if done.returncode == 3:
        report = {"status": 3, "error": error, "findings": []}
    else:
        assert error == "", error
        report = json.loads(done.stdout)
        assert report["status"] == done.returncode
    if status is not None:
        assert report["status"] == status, report
    return report


def real(report):
    """The findings that count."""
    return [f for f in report["findings"] if f["severity"] != "note"]


def keys_of(report):
    return {f["key"] for f in report["findings"] if isinstance(f.get("key"), str)}


def known_as(key):
    """Of a long key a row has the beginning only."""
    return key if len(key) <= 490 else key[:475]


def state(directory):
    """Every file's name, bytes and time of change."""
    return {
        str(path.relative_to(directory)): (
            hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(directory.rglob("*")) if path.is_file()}


def contents(client):
    """DUMP and expiry of every key, by database."""
    found = {}
    for database in (0, 3):
        client.execute_command("SELECT", database)
        keys = list(client.scan_iter(count=1000))
        for start in range(0, len(keys), 500):
            part = keys[start:start + 500]
            pipe = client.pipeline(transaction=False)
            for key in part:
                pipe.dump(key)
                pipe.pexpiretime(key)
            replies = pipe.execute()
            for index, key in enumerate(part):
                found[database, key] = replies[2 * index:2 * index + 2]
    client.execute_command("SELECT", 0)
    return found


def served(directory, **options):
    """What a server that starts in `directory` holds; it is ended cleanly."""
    server = Server(directory, {"maxmemory": "8mb", **options})
    server.start()
    try:
        client = server.client(single_connection_client=True)
        found = contents(client)
        sizes = {}
        for database in (0, 3):
            client.execute_command("SELECT", database)
            sizes[database] = client.dbsize()
        for database in (0, 3):
            assert sizes[database] == sum(1 for d, _ in found if d == database)
        return found
    finally:
        assert server.stop() == 0, server.log()


def wait_for_checkpoint(client):
    client.bgrewriteaof()
    deadline = time.time() + 30
    while client.info("persistence")["aof_rewrite_in_progress"]:
        assert time.time() < deadline
        time.sleep(0.01)


def fill(client, rng):
    """Keys of every type, in several runs; values by which rows can be found in files."""
    tokens = {}
    for part in range(6):
        pipe = client.pipeline(transaction=False)
        for n in range(scaled(400)):
            key = f"s:{part}:{n}"
            tokens[key] = rng.randbytes(40)
            pipe.set(key, tokens[key])
        for n in range(4):
            pipe.rpush(f"l:{part}:{n}", *(rng.randbytes(30) for _ in range(50)))
            pipe.sadd(f"set:{part}:{n}", *range(n, 200, 3))
            pipe.sadd(f"members:{part}:{n}", *(rng.randbytes(12) for _ in range(300)))
            pipe.hset(f"h:{part}:{n}", mapping={f"f{i}": rng.randbytes(9) for i in range(40 + n)})
            pipe.zadd(f"z:{part}:{n}", {f"m{i}": i / 7 for i in range(30 * n + 1)})
            pipe.xadd(f"x:{part}:{n}", {"field": rng.randbytes(20)}, id="5-1")
            pipe.xgroup_create(f"x:{part}:{n}", "g", "0")
            key = f"big:{part}:{n}"
            tokens[key] = rng.randbytes(9000 + 13000 * n)
            pipe.set(key, tokens[key])
            key = f"{part}:{n}:" + "long" * 150
            tokens[key] = rng.randbytes(70)
            pipe.set(key, tokens[key])
            key = f"e:{part}:{n}"
            tokens[key] = rng.randbytes(40)
            pipe.set(key, tokens[key], ex=100_000 + n)
            pipe.hset(f"hx:{part}:{n}", mapping={"a": "1", "b": "2"})
            pipe.execute_command("HPEXPIRE", f"hx:{part}:{n}", 90_000_000, "FIELDS", 1, "a")
            pipe.set(f"soon:{part}:{n}", rng.randbytes(3000), px=1)
            pipe.set("changing", str(part))
            pipe.delete(f"s:{part}:{n}")
            tokens.pop(f"s:{part}:{n}", None)
        pipe.execute()
        wait_for_checkpoint(client)
    client.execute_command("SELECT", 3)
    client.set("other", "database")
    client.execute_command("SELECT", 0)
    return tokens


class Whole:
    """A directory that a server left, and what was in it."""

    def __init__(self, path, ends):
        self.rng = random.Random(SEED)
        self.path = pathlib.Path(path)
        server = Server(self.path, {"maxmemory": "8mb", "archive-retention": "3600"})
        server.start()
        client = server.client(single_connection_client=True)
        self.tokens = fill(client, self.rng)
        client.save()
        if ends == signal.SIGKILL:
            for n in range(200):
                client.set(f"tail:{n}", f"value {n}")
                client.incr("counter")
            client.ping()
        self.expected = contents(client)
        time.sleep(0.1)
        server.stop(ends)


def make(ends):
    directory = tempfile.mkdtemp(prefix="firn-wire-")
    try:
        yield Whole(directory, ends)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def stopped():
    """Ended cleanly: everything is in the cold tier."""
    yield from make(signal.SIGTERM)


@pytest.fixture(scope="module")
def killed():
    """Killed: the newest effects are in the log only."""
    yield from make(signal.SIGKILL)


@pytest.fixture
def copy(tmp_path):
    """Copies a directory to damage it."""
    def begin(whole):
        target = tmp_path / "data"
        shutil.copytree(whole.path, target)
        return target
    return begin


def segments(directory):
    names = [p for p in (directory / "appendonlydir").iterdir() if p.name.endswith(".incr.aof")]
    return sorted(names, key=lambda p: int(p.name.split(".")[-3]))


def flip(path, offset, bit=0):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


# CRC-32C, for segments made by hand.
TABLE = []
for number in range(256):
    for _ in range(8):
        number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
    TABLE.append(number)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def split(directory, parts=3):
    """Cuts the last segment into several between batches, as if the log had been rotated."""
    last = segments(directory)[-1]
    data = last.read_bytes()
    head, rest = data.split(b"\r\n", 1)
    batches = []
    while rest:
        at = rest.index(b"#FIRN:lsn=")
        end = rest.index(b"\r\n", at) + 2
        batches.append((rest[:end], int(rest[at + 10:end].split(b";")[0])))
        rest = rest[end:]
    assert len(batches) >= parts
    sequence = int(last.name.split(".")[-3])
    manifest = directory / "appendonlydir" / "appendonly.aof.manifest"
    text = manifest.read_text()
    stream = head.split(b"=")[1].split(b";")[0]
    size = len(batches) // parts
    made = [last]
    for part in range(parts):
        end = len(batches) if part == parts - 1 else (part + 1) * size
        content = b"".join(b for b, _ in batches[part * size:end])
        if part == 0:
            last.write_bytes(head + b"\r\n" + content)
            continue
        line = b"#FIRN:stream=%s;lsn=%d" % (stream, batches[part * size - 1][1])
        name = f"appendonly.aof.{sequence + part}.incr.aof"
        path = last.parent / name
        # A segment selects its database anew; these batches are of database 0 from the start on.
        path.write_bytes(line + b";crc=%08x\r\n" % crc32c(line) + content)
        text += f"file {name} seq {sequence + part} type i\n"
        made.append(path)
    manifest.write_text(text)
    return made


# MARK: whole directories


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


def damage(rng, path):
    """Damages a file somewhere; what was done."""
    size = path.stat().st_size
    kind = rng.choice(["bit", "bit", "byte", "zeros", "page", "cut"])
    at = rng.randrange(max(size, 1))
    with open(path, "r+b") as file:
        if kind == "bit":
            flip(path, at, rng.randrange(8))
        elif kind == "byte":
            file.seek(at)
            file.write(rng.randbytes(1))
        elif kind == "zeros":
            file.seek(at)
            file.write(bytes(min(rng.randrange(1, 600), size - at)))
        elif kind == "page":
            # Bytes of one page over another.
            at, other = at & ~4095, rng.randrange(size) & ~4095
            file.seek(other)
            content = file.read(4096)
            file.seek(at)
            file.write(content)
        else:
            file.truncate(at)
    return kind, at


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


# MARK: the log


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


def served_copy(directory):
    """The same for a directory that must stay as it is."""
    with tempfile.TemporaryDirectory(prefix="firn-wire-") as folder:
        target = pathlib.Path(folder) / "data"
        shutil.copytree(directory, target)
        return served(target)


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
    server = start(**{"maxmemory": "4mb"})
    client = server.client()
    rng = random.Random(SEED + 10)
    for n in range(scaled(2000)):
        client.set(f"k:{n % 500}", rng.randbytes(5000))
    wait_for_checkpoint(client)
    client.set("after", "1")
    client.ping()
    server.stop()
    [path] = segments(server.directory)
    whole = path.read_bytes()
    head = whole.index(b"\r\n") + 2
    data = (server.directory / "cold" / "data.mdb").read_bytes()
    if len(whole) > head:
        path.write_bytes(whole[:head])
        report = check(server.directory, status=1)
        assert any("end is missing" in f["text"] for f in report["findings"]), report
        path.write_bytes(whole[:head + 10])
        report = check(server.directory, "--fix", status=1)
        assert all(f["severity"] == "error" for f in real(report)), report
        assert (server.directory / "cold" / "data.mdb").read_bytes() == data
        check(server.directory, "--fix", "--truncate-log-at-damage", status=2)
        check(server.directory, status=0)
    server.start()
    assert server.client().dbsize() >= min(scaled(2000), 500)


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
