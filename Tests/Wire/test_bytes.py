"""HyperLogLogs and places beside redis-server: the same bytes, the same digits."""

import os
import random

import pytest

from conftest import scaled
from differential import RedisServer
from resp import Connection

SEED = int(os.environ.get("FIRN_SEED", 5))


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


class Pair:
    """A connection to each server; whatever is asked of both must be answered alike."""

    def __init__(self, *ports, version):
        self.connections = [Connection(port) for port in ports]
        for connection in self.connections:
            connection.call("HELLO", version)
            connection.call("FLUSHALL")

    def __call__(self, *words):
        ours, theirs = (connection.call(*words) for connection in self.connections)
        assert ours == theirs, words
        return ours

    def exchange(self, key):
        """Each server restores what the other one dumps."""
        payloads = [connection.call("DUMP", key)[1] for connection in self.connections]
        if None not in payloads:
            for connection, payload in zip(self.connections, reversed(payloads)):
                reply = connection.call("RESTORE", key, 0, payload, "REPLACE")
                assert reply == ("+", b"OK")


@pytest.fixture(params=[2, 3])
def pair(request, server, redis):
    pair = Pair(server.port, redis.port, version=request.param)
    yield pair
    pair("CONFIG", "SET", "hll-sparse-max-bytes", 3000)
    for connection in pair.connections:
        connection.close()


@pytest.mark.parametrize("limit", [3000, 0, 50, 16000])
def test_hyperloglog_bytes(pair, limit):
    print("seed", SEED)
    rng = random.Random(SEED * 100 + limit)
    pair("CONFIG", "SET", "hll-sparse-max-bytes", limit)
    for _ in range(scaled(400)):
        key, roll = f"h{rng.randrange(4)}", rng.random()
        if roll < 0.6:
            count = rng.choice([0, 1, 2, 5, 50, 400 if rng.random() < 0.1 else 3])
            pair("PFADD", key, *[rng.randrange(10 ** rng.randrange(1, 6)) for _ in range(count)])
        elif roll < 0.75:
            pair("PFCOUNT", *[f"h{rng.randrange(5)}" for _ in range(rng.randrange(1, 4))])
        elif roll < 0.85:
            pair("PFMERGE", *[f"h{rng.randrange(4)}" for _ in range(rng.randrange(1, 4))])
        elif roll < 0.9:
            pair("PFDEBUG", rng.choice(["GETREG", "TODENSE", "ENCODING", "DECODE"]), key)
        elif roll < 0.95:
            pair.exchange(key)
        elif size := pair("STRLEN", key)[1]:
            # Damage, which is the end of this one.
            pair("SETRANGE", key, rng.randrange(size), rng.randbytes(rng.randrange(3)))
            pair("PFADD", key, rng.randrange(1000))
            pair("PFCOUNT", key)
            pair("PFDEBUG", "DECODE", key)
            pair("DEL", key)
        pair("GET", key)


def place(rng):
    """Anywhere, mostly; crowds here and there, at the edge of the map and near the poles."""
    longitude = rng.choice([(-180, 180), (13, 14), (179, 180), (-180, -179)])
    latitude = rng.choice([(-85.05, 85.05), (37, 38), (80, 85.05), (-85, -60)])
    return rng.uniform(*longitude), rng.uniform(*latitude)


@pytest.mark.parametrize("size", [50, 2000, 5000])
def test_places(pair, size):
    print("seed", SEED)
    rng = random.Random(SEED * 100 + size)
    for start in range(0, size, 50):
        pair("GEOADD", "g", *[x for i in range(50) for x in (*place(rng), f"m{start + i}")])
    member = lambda: f"m{rng.randrange(size + 3)}"
    for _ in range(scaled(600)):
        unit, roll = rng.choice(["m", "km", "ft", "mi", "KM"]), rng.random()
        length = rng.choice([0, 1, rng.uniform(0, 100), rng.uniform(0, 2000),
                             rng.uniform(0, 30000), 10 ** rng.uniform(-2, 8), "inf"])
        options = rng.choice([
            [], ["ASC"], ["DESC"], ["COUNT", rng.randrange(1, 30)],
            ["COUNT", rng.randrange(1, 30), "ANY"], ["DESC", "COUNT", rng.randrange(1, 30)]])
        shown = [w for w in ("WITHDIST", "WITHCOORD", "WITHHASH") if rng.random() < 0.4]
        center = rng.choice([["FROMMEMBER", member()], ["FROMLONLAT", *place(rng)]])
        shape = rng.choice([["BYRADIUS", length, unit],
                            ["BYBOX", length, rng.uniform(0, 5000), unit]])
        if roll < 0.1:
            pair("GEOPOS", "g", member(), member())
        elif roll < 0.2:
            pair("GEODIST", "g", member(), member(), unit)
        elif roll < 0.3:
            pair("GEOHASH", "g", member())
        elif roll < 0.6:
            pair("GEOSEARCH", "g", *center, *shape, *options, *shown)
        elif roll < 0.7:
            pair("GEORADIUS", "g", *place(rng), length, unit, *options, *shown)
        elif roll < 0.8:
            pair("GEORADIUSBYMEMBER_RO", "g", member(), length, unit, *options, *shown)
        else:
            distances = rng.choice([[], ["STOREDIST"]])
            pair("GEOSEARCHSTORE", "d", "g", *center, *shape, *options, *distances)
            pair("ZRANGE", "d", 0, -1, "WITHSCORES")
