"""A disk that fills up: what is refused, what is not, that deletions make room, and that nothing
that was acknowledged is lost."""

import os
import signal
import subprocess
import time

import pytest
import redis

from conftest import TORTURE, Server, command

VALUE = "v" * 1000
OOM = "command not allowed when used memory > 'maxmemory'"


@pytest.fixture(params=["tmpfs", "ext4"])
def small_disk(request, tmp_path):
    """A file system with room for 48 MB; skips where it cannot be mounted."""
    path = tmp_path / "disk"
    path.mkdir()
    if request.param == "tmpfs":
        source = ["-t", "tmpfs", "-o", "size=48m", "tmpfs"]
    else:
        image = tmp_path / "image"
        with open(image, "wb") as file:
            file.truncate(53 << 20)
        # No blocks kept for root, whom the server may be.
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=4", "-N", "256", image],
                       check=True)
        source = ["-o", "loop", image]
    mounted = subprocess.run(["mount", *source, path], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no {request.param} can be mounted here")
    (path / "lost+found").is_dir() and (path / "lost+found").rmdir()
    yield path
    deadline = time.time() + 10
    while subprocess.run(["umount", str(path)], capture_output=True).returncode != 0:
        assert time.time() < deadline, "the file system stays busy"
        time.sleep(0.1)


@pytest.fixture
def serve(small_disk):
    """Starts a server on the small disk, and ends it before that is unmounted."""
    servers = []

    def begin(**options):
        servers.append(Server(small_disk, options))
        return servers[-1].start()

    yield begin
    for server in servers:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)


def wait_for_state(client, state, seconds=20):
    deadline = time.time() + seconds
    while (tier := client.info("tiering"))["cold_state"] != state:
        assert time.time() < deadline, "\n".join(f"{n}: {v}" for n, v in tier.items())
        time.sleep(0.05)


def stays_short(client):
    """Whether the room that is missing does not come back by itself, by a checkpoint or merges
    that were due."""
    deadline = time.time() + 3
    while time.time() < deadline:
        if client.info("tiering")["cold_state"] == "ok":
            return False
        time.sleep(0.05)
    return True


def fill(server, client, first):
    """Writes new keys until they are refused for good; the numbers of those that were taken, and
    why the others were not."""
    raw = server.raw()
    taken, errors = [], set()
    for n in range(first, first + 200_000, 50):
        numbers = range(n, n + 50)
        raw.send(b"".join(command("SET", f"key:{i}", VALUE) for i in numbers))
        replies = [raw.line() for _ in numbers]
        taken += [i for i, reply in zip(numbers, replies) if reply == b"+OK"]
        refusals = {reply for reply in replies if reply != b"+OK"}
        errors |= refusals
        if refusals and stays_short(client):
            raw.close()
            return taken, errors
    pytest.fail("the disk is not full")


@pytest.mark.skipif(TORTURE, reason="the hot tier is always empty")
@pytest.mark.parametrize("bound", ["disk", "quota"])
def test_full_and_back(serve, bound):
    options = {"maxmemory": "2mb", "save": "", "auto-aof-rewrite-min-size": "4mb"}
    if bound == "quota":
        options["cold-max-bytes"] = "12mb"
    server = serve(**options)
    client = server.client()
    taken, errors = fill(server, client, 0)
    assert len(taken) > 5_000
    assert all(error.startswith((b"-OOM", b"-MISCONF")) for error in errors), errors
    tier = client.info("tiering")
    assert tier["cold_state"] in ("short", "full"), tier
    assert tier["cold_state_reason"] != ""
    assert client.get("key:7") == VALUE.encode()
    # Memory that was given back since (buffers, keys that have left) may take a little more.
    spare = 0
    with pytest.raises(redis.ResponseError):
        while spare < 1000:
            client.set(f"spare:{spare}", VALUE * 100)
            spare += 1

    # A crash in this state loses nothing.
    server.restart(signal.SIGKILL)
    client = server.client()
    assert client.dbsize() == len(taken) + spare
    for i in taken[::97]:
        assert client.get(f"key:{i}") == VALUE.encode()

    # Deletions are taken and make room, without a restart.
    gone = taken[::2]
    for at in range(0, len(gone), 100):
        names = [f"key:{i}" for i in gone[at:at + 100]]
        assert client.delete(*names) == len(names)
    wait_for_state(client, "ok")
    assert client.set("another", VALUE)
    more, _ = fill(server, client, taken[-1] + 1000)
    assert len(more) > len(gone) // 4
    left = [i for i in taken if i not in set(gone)]
    assert client.dbsize() == len(left) + len(more) + spare + 1

    server.restart(signal.SIGKILL)
    client = server.client()
    assert client.dbsize() == len(left) + len(more) + spare + 1
    for i in (left + more)[::97]:
        assert client.get(f"key:{i}") == VALUE.encode()
    assert client.exists(*[f"key:{i}" for i in gone[:100]]) == 0
    assert client.info("tiering")["damaged_records"] == 0


@pytest.mark.skipif(TORTURE, reason="the hot tier is always empty")
def test_others_fill_the_disk(serve, small_disk):
    """Room that somebody else took and gives back."""
    server = serve(maxmemory="2mb", save="")
    client = server.client()
    for n in range(2000):
        client.set(f"key:{n}", VALUE)
    ballast = small_disk / "ballast"
    with open(ballast, "wb") as file:
        free = os.statvfs(small_disk)
        file.write(b"x" * (free.f_bavail * free.f_frsize - (1 << 20)))
    wait_for_state(client, "full")
    with pytest.raises(redis.ResponseError, match=OOM):
        client.set("new", VALUE)
    assert client.get("key:3") == VALUE.encode()
    assert client.delete("key:3") == 1
    ballast.unlink()
    wait_for_state(client, "ok")
    assert client.set("new", VALUE)
    assert client.dbsize() == 2000


@pytest.mark.skipif(TORTURE, reason="counts on a value that is in memory")
def test_reply_waits_for_a_log_that_was_refused(serve, small_disk):
    """A write larger than what the disk has left is answered when the log has taken it: what was
    acknowledged is never lost. Meanwhile writes are refused, and reads are served."""
    server = serve(maxmemory="64mb", save="")
    client = server.client()
    client.set("before", VALUE)
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk)
    ballast.write_bytes(b"x" * (free.f_bavail * free.f_frsize - (5 << 20)))
    large = "w" * (12 << 20)
    raw = server.raw()
    raw.send(command("SET", "large", large))
    deadline = time.time() + 10
    while client.info("persistence")["aof_last_write_status"] != "err":
        assert time.time() < deadline
        time.sleep(0.02)
    with pytest.raises(redis.ResponseError, match="MISCONF Errors writing to the AOF file"):
        client.delete("before")
    assert client.get("before") == VALUE.encode()
    raw.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        raw.line()
    ballast.unlink()
    raw.sock.settimeout(10)
    assert raw.line() == b"+OK"
    assert client.set("other", VALUE)
    server.restart(signal.SIGKILL)
    assert server.client().strlen("large") == len(large)
