"""A container's memory: with `maxmemory auto` the server stays below the limit of its control group,
whatever comes, and is not killed for want of memory."""

import sys
import tempfile

import pytest

from conftest import ROOT, TORTURE, Server

sys.path.insert(0, str(ROOT / "tools"))
from support.cgroup import Cgroup  # noqa: E402

LIMIT = 64 << 20
KEYS = 400_000
VALUE = b"v" * 200

pytestmark = [
    pytest.mark.skipif(TORTURE, reason="nothing is hot there"),
    pytest.mark.skipif(Cgroup.why_not() is not None, reason="there can be no memory limit here")]


class LimitedServer(Server):
    """A server inside a control group."""

    def __init__(self, cgroup, directory, options):
        super().__init__(directory, options)
        self.cgroup = cgroup

    def arguments(self):
        return [*self.cgroup.words(), *super().arguments()]


def key(number):
    # Scattered over the whole keyspace.
    return b"key:%012d" % (number * 7919 % KEYS)


def flood(server, connections):
    """KEYS new keys, in pipelines on several connections at once."""
    raws = [server.raw() for _ in range(connections)]
    portions = [range(at, min(at + 500, KEYS)) for at in range(0, KEYS, 500)]
    for start in range(0, len(portions), connections):
        turn = list(zip(raws, portions[start:start + connections]))
        for raw, numbers in turn:
            raw.send(b"".join(
                b"*3\r\n$3\r\nSET\r\n$16\r\n%s\r\n$200\r\n%s\r\n" % (key(n), VALUE)
                for n in numbers))
        for raw, numbers in turn:
            assert raw.exactly(5 * len(numbers)) == b"+OK\r\n" * len(numbers)


@pytest.fixture
def disk():
    """A directory that is on a disk: what a tmpfs holds counts as memory."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="firn-wire-") as path:
        yield path


def test_a_flood_beside_clients_that_do_not_read(disk):
    with Cgroup(LIMIT) as cgroup:
        server = LimitedServer(cgroup, disk, {"save": "", "appendonly": "yes"}).start()
        try:
            client = server.client()
            limit = int(client.info("memory")["maxmemory"])
            assert LIMIT // 4 <= limit <= LIMIT // 4 * 3
            client.set("large", "x" * 100_000)
            for _ in range(20):
                server.raw().send(b"GET large\r\n" * 20)
            flood(server, 10)
            assert client.dbsize() == KEYS + 1
            assert cgroup.kills() == 0
            for number in range(0, KEYS, 4001):
                assert client.get(key(number)) == VALUE
            assert cgroup.anonymous() < LIMIT
        finally:
            server.stop()
