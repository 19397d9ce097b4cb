"""What the tests of firn-check share: directories that a server left, copies of them to damage,
and what a server finds in them afterwards.

FIRN_CHECK names another executable, FIRN_CHECK_SEED another seed (printed on failure)."""

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

BUILT = pytest.mark.skipif(not os.path.exists(CHECK), reason="firn-check is not built")


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
    """Everything so far is in the cold tier."""
    client.bgrewriteaof()
    deadline = time.time() + 30
    while True:
        figures = client.info("persistence")
        if not figures["aof_rewrite_in_progress"] and not figures["aof_rewrite_scheduled"]:
            return
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


def served_copy(directory):
    """The same for a directory that must stay as it is."""
    with tempfile.TemporaryDirectory(prefix="firn-wire-") as folder:
        target = pathlib.Path(folder) / "data"
        shutil.copytree(directory, target)
        return served(target)
