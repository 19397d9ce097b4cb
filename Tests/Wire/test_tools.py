"""redis-cli and redis-benchmark against the server."""

import shutil
import subprocess

import pytest

from conftest import command, scaled

pytestmark = pytest.mark.skipif(shutil.which("redis-cli") is None, reason="no redis-cli")


def cli(server, *arguments, **options):
    done = subprocess.run(
        ["redis-cli", "-p", str(server.port), *arguments],
        capture_output=True, timeout=60, **options)
    assert done.returncode == 0, done
    return done.stdout.decode()


def test_commands(server):
    assert cli(server, "SET", "a", "1").strip() == "OK"
    assert cli(server, "INCR", "a").strip() == "2"
    assert "redis_version" in cli(server, "INFO", "server")
    assert cli(server, "-3", "HGETALL", "none").strip() == ""


def test_pipe(server):
    data = b"".join(command("SET", f"key:{i}", i) for i in range(scaled(20000)))
    out = cli(server, "--pipe", input=data)
    assert f"errors: 0, replies: {scaled(20000)}" in out
    assert server.client().dbsize() == scaled(20000)


def test_scan_and_big_keys(server):
    client = server.client()
    for i in range(300):
        client.set(f"string:{i}", "x" * i)
    client.rpush("list", *range(1000))
    client.sadd("set", *range(1000))
    assert len(set(cli(server, "--scan").split())) == 302
    assert len(set(cli(server, "--scan", "--pattern", "string:1*").split())) == 111
    big = cli(server, "--bigkeys")
    assert "list with 1000 items" in big.replace('"', "") or "1000 items" in big
    assert "Sampled 302 keys" in big
    memory = cli(server, "--memkeys")
    assert "Sampled 302 keys" in memory


@pytest.mark.parametrize("pipeline", [1, 16])
def test_benchmark(server, pipeline):
    done = subprocess.run(
        ["redis-benchmark", "-p", str(server.port), "-q", "-n", str(scaled(2000)),
         "-P", str(pipeline), "-t",
         "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset"],
        capture_output=True, timeout=60)
    assert done.returncode == 0, done
    text = done.stdout.decode().replace("\r", "\n")
    assert "MSET" in text and "error" not in text.lower(), text


def test_whole_benchmark(server):
    done = subprocess.run(["redis-benchmark", "-p", str(server.port), "-q", "-n", "1000"],
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done
    text = done.stdout.decode() + done.stderr.decode()
    assert "LRANGE_600" in text and "error" not in text.lower(), text


def test_hot_keys(start):
    server = start(maxmemory_policy="allkeys-lfu")
    client = server.client()
    for i in range(scaled(40) * 5):
        client.set("warm", i)
    client.set("other", 1)
    out = cli(server, "--hotkeys")
    assert "Sampled 2 keys" in out and "warm" in out


@pytest.mark.parametrize("words", [["--stat", "-i", "0.01"], ["--latency", "--raw"],
                                   ["--latency-history", "-i", "1", "--raw"]])
def test_watching(server, words):
    """What runs until it is ended, ended after its first line."""
    command_line = ["redis-cli", "-p", str(server.port), *words]
    with subprocess.Popen(command_line, stdout=subprocess.PIPE) as process:
        try:
            seen = b""
            while seen.count(b"\n") < 1 and len(seen) < 4000:
                data = process.stdout.read1(4096)
                if not data:
                    break
                seen += data
        finally:
            process.terminate()
    assert seen.strip() and b"rror" not in seen, seen


def test_redis_py(server):
    """The usual calls of the usual client library, in both protocols."""
    for protocol in [2, 3]:
        client = server.client(protocol=protocol, decode_responses=True)
        client.flushall()
        assert client.set("a", 1, ex=100, nx=True) and client.incrby("a", 4) == 5
        assert client.getex("a", ex=50) == "5" and 0 < client.ttl("a") <= 50
        assert client.mset({"b": "x", "c": "y"})
        assert client.mget("b", "none", "c") == ["x", None, "y"]
        assert client.hset("h", mapping={"f": 1, "g": 2}) == 2
        assert client.hgetall("h") == {"f": "1", "g": "2"}
        assert client.rpush("l", *range(5)) == 5 and client.lpop("l", 2) == ["0", "1"]
        assert client.lmove("l", "l2", "LEFT", "RIGHT") == "2"
        assert client.sadd("S", 1, 2, 3) == 3 and client.smembers("S") == {"1", "2", "3"}
        assert client.zadd("z", {"m": 1.5, "n": 2}) == 2
        assert client.zrange("z", 0, -1, withscores=True)[0][1] == 1.5
        assert sorted(client.scan_iter("*")) == ["S", "a", "b", "c", "h", "l", "l2", "z"]
        with client.pipeline() as pipe:
            pipe.watch("a")
            pipe.multi()
            pipe.incr("a").expire("a", 10)
            assert pipe.execute() == [6, True]
        assert client.info("server")["redis_version"].startswith("7.0")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        assert client.object("encoding", "z") == "listpack"
        assert client.client_list() and client.memory_usage("a") > 0
        assert client.dump("a") and client.lastsave() and client.dbsize() == 8
        assert client.slowlog_get() is not None and client.command_count() > 100
        with client.pubsub() as subscriber:
            subscriber.subscribe("channel")
            assert subscriber.get_message(timeout=5)["type"] == "subscribe"
            client.publish("channel", "hello")
            assert subscriber.get_message(timeout=5)["data"] == "hello"
