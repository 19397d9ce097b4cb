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
