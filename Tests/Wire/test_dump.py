"""firn-dump beside a running server, on a stopped one, and on directories that are damaged."""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest
import redis
from conftest import ROOT, TORTURE, free_port

DUMP = os.environ.get("FIRN_DUMP", str(ROOT / ".build" / "release" / "firn-dump"))

pytestmark = pytest.mark.skipif(not os.path.exists(DUMP), reason="firn-dump is not built")


@pytest.fixture
def server(start):
    """A server of its own: these tests end it."""
    return start()


def run(*words, status=0, binary=False):
    """Runs firn-dump; its output."""
    done = subprocess.run([DUMP, *map(str, words)], capture_output=True, timeout=120)
    assert done.returncode == status, (done.returncode, done.stderr)
    if status == 1:
        lines = done.stderr.decode().strip().splitlines()
        assert lines and all(line.startswith("firn-dump: ") for line in lines), lines
    return done.stdout if binary else done.stdout.decode()


def fill(client):
    """Keys of every type, binary ones, large ones; what they are."""
    expected = {}
    pipe = client.pipeline(transaction=False)
    for n in range(500):
        pipe.set(f"s:{n}", "v" * (n % 50))
        expected[f"s:{n}"] = "v" * (n % 50)
    pipe.set("large", "x" * 300_000)
    expected["large"] = "x" * 300_000
    pipe.set(b"bin\x00\xff", b"\x80\x01")
    pipe.rpush("list", "a", "12", "c")
    expected["list"] = ["a", "12", "c"]
    pipe.sadd("set", *range(10))
    expected["set"] = sorted(str(n) for n in range(10))
    pipe.hset("hash", mapping={f"f{n}": f"v{n}" for n in range(1000)})
    expected["hash"] = {f"f{n}": f"v{n}" for n in range(1000)}
    pipe.zadd("zset", {"m": 1.5, "n": float("inf")})
    expected["zset"] = [["m", 1.5], ["n", "inf"]]
    pipe.xadd("stream", {"a": "1", "b": "x"}, id="1-1")
    pipe.xgroup_create("stream", "g", "0")
    expected["stream"] = ["1-1", ["a", "1"], ["b", "x"]]
    pipe.set("brief", "1", px=1)
    pipe.set("expiring", "2", ex=10_000)
    expected["expiring"] = "2"
    pipe.execute()
    return expected


def exported(directory, *options):
    """The JSON export by key; binary keys as bytes."""
    keys = {}
    for item in json.loads(run("export", directory, "--format", "json", *options)):
        key = item["key"]
        if isinstance(key, dict):
            key = base64.b64decode(key["base64"])
        assert (item["db"], key) not in keys
        value = item["value"]
        keys[item["db"], key] = sorted(value) if item["type"] == "set" else value
    return keys


def wait_written(client):
    """Effects reach the log at the end of each turn; a later reply says that they have."""
    client.ping()
    time.sleep(0.05)


@pytest.fixture(params=["running", "stopped"])
def filled(request, server):
    client = server.client()
    expected = fill(client)
    wait_written(client)
    if request.param == "stopped":
        server.stop()
    return server.directory, expected


def test_export_is_what_the_server_holds(filled):
    directory, expected = filled
    found = exported(directory)
    assert found.pop((0, b"bin\x00\xff")) == {"base64": "gAE="}
    found.pop((0, "brief"), None)
    assert found == {(0, key): value for key, value in expected.items()}
    assert exported(directory, "--tail-memory", "1") == exported(directory)


def test_keys_and_get(filled):
    directory, expected = filled
    lines = run("keys", directory).splitlines()
    assert len(lines) == len(expected) + 1
    assert any(line.endswith('"bin\\x00\\xff"') for line in lines)
    assert len(run("keys", directory, "--match", "s:1*").splitlines()) == 111
    assert len(run("keys", directory, "--type", "hash").splitlines()) == 1
    assert len(run("keys", directory, "--limit", "7").splitlines()) == 7
    assert run("keys", directory, "--db", "3") == ""
    assert json.loads(run("keys", directory, "--json", "--type", "zset"))["key"] == "zset"
    found = json.loads(run("get", directory, "hash", "--json"))
    assert found["type"] == "hash" and found["elements"] == 1000
    assert found["value"] == expected["hash"]
    assert run("get", directory, '"bin\\x00\\xff"', "--raw", binary=True) == b"\x80\x01"
    assert '"a"' in run("get", directory, "list")
    assert json.loads(run("get", directory, "expiring", "--json"))["expireat"] > time.time() * 1000
    run("get", directory, "absent", status=1)


def test_stat(filled):
    directory, expected = filled
    stat = json.loads(run("stat", directory, "--json", "--top", "1"))
    assert stat["keys"] == len(expected) + 1
    assert stat["largest"][0]["key"] == "large"
    assert stat["expiring"] == 1
    kinds = {group["type"]: group["keys"] for group in stat["by_type"]}
    assert kinds == {"string": 503, "list": 1, "set": 1, "hash": 1, "zset": 1, "stream": 1}
    assert stat["log"]["end_lsn"] > 0 and stat["cold"]["page_bytes"] == 4096
    assert "keys:" in run("stat", directory)


def test_the_log(server):
    client = server.client()
    client.set("a", b"\x00'\"")
    client.lpush("l", "x")
    wait_written(client)
    lines = run("log", server.directory).splitlines()
    assert lines[-2].split("\t")[3] == '"SET" "a" "\\x00\'\\""', lines
    assert lines[-1].split("\t")[2:] == ["0", '"LPUSH" "l" "x"'], lines
    lsn = int(lines[-2].split("\t")[0])
    assert run("log", server.directory, "--from", lsn).splitlines() == lines[-1:]
    assert len(run("log", server.directory, "--limit", "1").splitlines()) == 1
    last = json.loads(run("log", server.directory, "--json").splitlines()[-1])
    assert last["command"] == ["LPUSH", "l", "x"] and last["db"] == 0


def test_redis_loads_the_rdb(filled, tmp_path):
    directory, expected = filled
    run("export", directory, "--format", "rdb", "--output", tmp_path / "dump.rdb")
    assert [path.name for path in tmp_path.iterdir()] == ["dump.rdb"]
    port = free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--dir", str(tmp_path), "--save", "",
         "--appendonly", "no"], stdout=subprocess.DEVNULL)
    try:
        peer = redis.Redis(port=port, decode_responses=False)
        deadline = time.time() + 10
        while True:
            try:
                peer.ping()
                break
            except redis.exceptions.ConnectionError:
                assert time.time() < deadline
                time.sleep(0.02)
        check(peer, expected)
        peer.flushall()
        commands = run("export", directory, "--format", "resp", binary=True)
        piped = subprocess.run(
            ["redis-cli", "-p", str(port), "--pipe"], input=commands, capture_output=True)
        assert b"errors: 0" in piped.stdout, piped.stdout
        check(peer, expected)
    finally:
        process.terminate()
        process.wait()


def check(peer, expected):
    assert peer.dbsize() == len(expected) + 1
    assert peer.get(b"bin\x00\xff") == b"\x80\x01"
    assert peer.get("large") == b"x" * 300_000
    assert peer.lrange("list", 0, -1) == [b"a", b"12", b"c"]
    assert peer.scard("set") == 10
    assert peer.hlen("hash") == 1000 and peer.hget("hash", "f7") == b"v7"
    assert peer.zrange("zset", 0, -1, withscores=True) == [(b"m", 1.5), (b"n", float("inf"))]
    assert peer.xrange("stream") == [(b"1-1", {b"a": b"1", b"b": b"x"})]
    assert [group["name"] for group in peer.xinfo_groups("stream")] == [b"g"]
    assert 9_000 < peer.ttl("expiring") <= 10_000


def test_a_log_with_a_base(start):
    """Without a cold tier the base and the segments behind it are the data."""
    server = start(cold_tier="no")
    client = server.client()
    expected = fill(client)
    client.bgrewriteaof()
    while client.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.01)
    client.set("s:1", "newer")
    client.delete("s:2")
    expected["s:1"] = "newer"
    del expected["s:2"]
    wait_written(client)
    found = exported(server.directory)
    assert {key: found[0, key] for key in expected} == expected
    assert (0, "s:2") not in found
    assert run("get", server.directory, "s:1").splitlines()


@pytest.mark.skipif(TORTURE, reason="every effect is in the cold tier at once")
def test_newer_effects_are_told(server):
    client = server.client()
    client.set("k", "1")
    server.restart()
    client = server.client()
    client.append("k", "2")
    client.set("new", "3")
    client.set("gone", "4")
    client.delete("gone")
    wait_written(client)
    text = run("get", server.directory, "k")
    assert '"12"' in text and "1 newer effect" in text
    assert "no record" in run("get", server.directory, "new")
    assert "2 newer effects" in run("get", server.directory, "gone", status=1)
    assert '"1"' in run("get", server.directory, "k", "--cold-only")


def test_the_archive(server):
    client = server.client()
    client.rpush("list", "a", "b")
    client.pexpire("list", 1)
    time.sleep(0.01)
    assert client.exists("list") == 0
    server.stop()
    row = json.loads(run("archive", server.directory, "--json"))
    assert row["key"] == "list" and row["value"] == ["a", "b"] and row["db"] == 0
    assert run("archive", server.directory).endswith('"list"\n')
    assert run("archive", server.directory, "--match", "x*") == ""


def test_nothing_is_changed(server):
    directory = server.directory
    fill(server.client())
    server.stop()
    def state():
        return {
            path: (path.stat().st_size, path.stat().st_mtime_ns)
            for path in pathlib.Path(directory).rglob("*")
            if path.is_file() and path.name not in ("lock.mdb", "server.out")}
    before = state()
    for words in (["stat"], ["keys"], ["log"], ["export", "--format", "json"], ["archive"]):
        run(words[0], directory, *words[1:])
    assert state() == before


def test_directories_that_are_none(tmp_path):
    run("stat", tmp_path / "absent", status=1)
    run("stat", tmp_path, status=1)
    (tmp_path / "cold").mkdir()
    (tmp_path / "cold" / "data.mdb").write_bytes(os.urandom(100_000))
    for words in (["stat"], ["keys"], ["get", "k"], ["export", "--format", "json"], ["archive"]):
        run(words[0], tmp_path, *words[1:], status=1)


def test_damaged_files(server, tmp_path):
    client = server.client()
    fill(client)
    server.stop()
    whole = pathlib.Path(server.directory)
    # A torn tail of the log is what a crash leaves: left out.
    torn = tmp_path / "torn"
    shutil.copytree(whole, torn)
    segment = max((torn / "appendonlydir").glob("*.incr.aof"))
    with open(segment, "ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$1\r\na")
    assert exported(torn) == exported(whole)
    # A segment that is missing, a cold tier that was cut or is gone: one line, status 1.
    segment.unlink()
    run("stat", torn, status=1)
    assert exported(torn, "--cold-only") == exported(whole)
    cut = tmp_path / "cut"
    shutil.copytree(whole, cut)
    data = cut / "cold" / "data.mdb"
    os.truncate(data, data.stat().st_size // 2 // 4096 * 4096)
    run("stat", cut, status=1)
    shutil.rmtree(cut / "cold")
    run("stat", cut, status=1)
