"""A server that is given no further thread: what needs one is refused, and nothing else suffers."""

import os
import pathlib
import time

import pytest
import redis

PIDS = pathlib.Path("/sys/fs/cgroup/pids")

pytestmark = pytest.mark.skipif(
    not ((PIDS / "cgroup.procs").exists() and os.access(PIDS, os.W_OK)),
    reason="there is no cgroup v1 pids controller to write to")


@pytest.fixture
def confine():
    """Lets the server that is given to it have the threads that it has, and no more; the function
    that comes back lets it have any number again."""
    group = PIDS / f"firn-test-{os.getpid()}-{time.monotonic_ns()}"

    def enter(server):
        (group / "cgroup.procs").write_text(str(server.process.pid))
        (group / "pids.max").write_text((group / "pids.current").read_text())
        return lambda: (group / "pids.max").write_text("max")

    group.mkdir()
    yield enter
    for process in (group / "cgroup.procs").read_text().split():
        (PIDS / "cgroup.procs").write_text(process)
    group.rmdir()


def eventually(condition):
    deadline = time.time() + 20
    while not condition():
        assert time.time() < deadline
        time.sleep(0.01)


def refused(client, *words):
    with pytest.raises(redis.ResponseError) as caught:
        client.execute_command(*words)
    return str(caught.value)


def test_background_work_is_refused(start, confine):
    server = start()
    client = server.client()
    client.set("key", "value")
    # The thread that has loaded the data is gone.
    client.execute_command("BGSAVE")
    eventually(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == 0)
    release = confine(server)

    assert "Resource temporarily unavailable" in refused(client, "BGSAVE")
    assert "Resource temporarily unavailable" in refused(client, "BACKUP", "one")
    facts = client.info("persistence")
    assert facts["rdb_last_bgsave_status"] == "err"
    assert facts["rdb_bgsave_in_progress"] == 0
    assert "Can't save in background" in server.log()
    assert client.get("key") == b"value"

    release()
    client.execute_command("BGSAVE")
    eventually(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == 0)
    assert client.info("persistence")["rdb_last_bgsave_status"] == "ok"
    client.execute_command("BACKUP", "one")
    eventually(lambda: (server.directory / "backup" / "one").exists())


def test_the_log_cannot_begin(start, confine):
    server = start(appendonly="no", cold_tier="no")
    client = server.client()
    client.set("key", "value")
    release = confine(server)
    client.config_set("appendonly", "yes")
    eventually(lambda: "Resource temporarily unavailable" in server.log())
    assert client.get("key") == b"value"
    client.set("key", "later")

    release()
    # It is tried again.
    eventually(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0
               and client.info("persistence")["aof_enabled"] == 1
               and (server.directory / "appendonlydir").is_dir()
               and any((server.directory / "appendonlydir").glob("*.base.rdb")))
    server.options["appendonly"] = "yes"
    server.restart(9)
    assert server.client().get("key") == b"later"


def test_the_end_needs_none(start, confine):
    server = start()
    server.client().set("key", "value")
    confine(server)
    assert server.stop() == 0
    server.start()
    assert server.client().get("key") == b"value"
