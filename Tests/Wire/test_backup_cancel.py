"""BACKUP CANCEL, and a server that ends while a backup is being made."""

import os
import pathlib
import random
import signal
import time

import pytest
import redis
from conftest import TORTURE
from test_backup import finished
from test_import import place  # noqa: F401

pytestmark = pytest.mark.skipif(TORTURE, reason="a large store, and nothing that spilling changes")
MEGABYTES = 150


@pytest.fixture
def large(place):  # noqa: F811
    """A server with a store that takes a while to copy."""
    server = place.firn(save="", maxmemory="40mb", maxmemory_policy="allkeys-lru")
    server.start()
    client = server.client()
    rng = random.Random(1)
    for i in range(MEGABYTES):
        client.set(f"key:{i}", rng.randbytes(1 << 20))
    client.bgrewriteaof()
    deadline = time.time() + 60
    while client.info("persistence")["aof_rewrite_in_progress"]:
        assert time.time() < deadline
        time.sleep(0.01)
    return server


def begun(server, name):
    """Starts a backup; returns when the store is being copied. False: it is through already."""
    partial = pathlib.Path(server.directory) / "backup" / f".{name}.partial" / "cold" / "data.mdb"
    client = server.clients[-1]
    assert client.execute_command("BACKUP", name) == b"Background backup started"
    while not partial.exists() or not partial.stat().st_size:
        if not client.info("persistence")["backup_in_progress"]:
            return False
    return True


def backups(server):
    return sorted(os.listdir(pathlib.Path(server.directory) / "backup"))


def test_a_backup_is_cancelled(large):
    client = large.client()
    for word in ("CANCEL", "cancel", "Cancel"):
        with pytest.raises(redis.ResponseError) as caught:
            client.execute_command("BACKUP", word)
        assert str(caught.value) == "Background backup is currently not in progress"
    cancelled = []
    for number in range(10):
        name = f"number-{number}"
        if not begun(large, name):
            continue
        try:
            assert client.execute_command("BACKUP", "cancel") == b"Background backup cancelled"
        except redis.ResponseError as error:  # It was through.
            assert "not in progress" in str(error)
            finished(client)
            continue
        since = time.time()
        info = finished(client)
        assert time.time() - since < 2
        assert info["backup_last_status"] == "cancelled", large.log()
        assert f"Backup '{name}' was cancelled" in large.log()
        assert name not in backups(large) and not any(n.startswith(".") for n in backups(large))
        cancelled.append(name)
    assert cancelled
    assert info["backup_last_name"] not in cancelled
    # Nothing is held: checkpoints remove segments, and the next backup is whole.
    client.set("late", 1)
    client.execute_command("BACKUP", "whole")
    assert finished(client)["backup_last_status"] == "ok"
    client.bgrewriteaof()
    log = pathlib.Path(large.directory) / "appendonlydir"
    deadline = time.time() + 20
    while len(list(log.glob("*.incr.aof"))) > 1:
        assert time.time() < deadline
        time.sleep(0.01)
    large.stop()
    large.directory = pathlib.Path(large.directory) / "backup" / "whole"
    large.start()
    assert large.client().dbsize() == MEGABYTES + 1


@pytest.mark.parametrize("how", ["SHUTDOWN", "SIGTERM", "SHUTDOWN NOW"])
def test_the_server_ends_meanwhile(large, how):
    for number in range(10):
        client = large.client()
        name = f"number-{number}"
        if not begun(large, name):
            continue
        since = time.time()
        if how == "SIGTERM":
            large.send_signal(signal.SIGTERM)
        else:
            try:
                client.execute_command(*how.split())
            except redis.ConnectionError:
                pass
        assert large.wait() == 0, large.log()
        assert time.time() - since < 5
        is_whole = name in backups(large)
        assert not any(n.startswith(".") for n in backups(large))
        large.stop()
        large.start()
        assert large.client().dbsize() == MEGABYTES
        if not is_whole:
            assert f"Backup '{name}' was cancelled" in large.log()
            return
    raise AssertionError("every backup was through before the server ended")
