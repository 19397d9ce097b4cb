"""What `tools/bench types` measures: one command of each kind, and the data that it needs.

Names and values are those of redis-benchmark's own tests where it has one. A workload whose command
uses its data up (LPOP, SPOP, ZPOPMIN) is given as much as it will take, anew for every round."""

import random

from .resp import ReplyError, request

RANDOM = "__rand_int__"  # redis-benchmark puts twelve digits here.
RANGE = 100_000  # Below which those are.
BARS = {1: 1.0, 16: 1.2}
# Requests a sample by pipeline, for commands that do little.
REQUESTS = {1: 100_000, 16: 500_000}


class Workload:
    """`share`: how much of REQUESTS a sample takes; `fill`: makes the data, given a sender and the
    number of requests; `consumes`: the data is gone after a sample; `counted`: all replies have one
    length, and so many elements that redis-benchmark would be busier than the server:
    reference/counter.c is the client."""

    def __init__(self, name, words, fill=None, share=1.0, consumes=False, counted=False):
        self.name, self.words, self.fill = name, words, fill
        self.share, self.consumes, self.counted = share, consumes, counted

    def requests(self, pipeline, quick):
        return int(REQUESTS[pipeline] * self.share) // (5 if quick else 1)


def spread(name, per_command, items):
    """A fill that gives the key `items(count)` in commands of a few hundred words."""
    def fill(send, count):
        words = items(count)
        for i in range(0, len(words), per_command):
            send(*name, *words[i:i + per_command])
    return fill


def elements(count):
    return [f"element:{i:012d}" for i in range(count)]


def scored(count):
    scores = random.Random(3).sample(range(count), count)
    return [x for score, member in zip(scores, elements(count)) for x in (score, member)]


def entries(send, _):
    for i in range(1000):
        send("XADD", "entries", f"{i + 1}-1", "field", "value")


board = spread(["ZADD", "board"], 500, lambda _: scored(RANGE))
long_list = spread(["RPUSH", "range"], 600, lambda _: ["xxx"] * 600)
fields = spread(["HSET", "fields"], 200,
                lambda _: [x for i in range(100) for x in (f"field:{i:03d}", f"value:{i:03d}")])

WORKLOADS = [
    Workload("INCR", ["INCR", f"counter:{RANDOM}"]),
    Workload("LPUSH", ["LPUSH", "mylist", "xxx"], consumes=True),
    Workload("LPOP", ["LPOP", "mylist"],
             spread(["RPUSH", "mylist"], 500, lambda count: ["xxx"] * count), consumes=True),
    Workload("LRANGE_100", ["LRANGE", "range", "0", "99"], long_list, 0.5, counted=True),
    Workload("LRANGE_300", ["LRANGE", "range", "0", "299"], long_list, 0.25, counted=True),
    Workload("LRANGE_600", ["LRANGE", "range", "0", "599"], long_list, 0.15, counted=True),
    Workload("SADD", ["SADD", "myset", f"element:{RANDOM}"]),
    Workload("SPOP", ["SPOP", "myset"], spread(["SADD", "myset"], 500, elements), consumes=True),
    Workload("HSET", ["HSET", "myhash", f"element:{RANDOM}", "xxx"]),
    Workload("HGETALL of 100", ["HGETALL", "fields"], fields, 0.3, counted=True),
    Workload("ZADD", ["ZADD", "myzset", RANDOM, f"element:{RANDOM}"]),
    Workload("ZPOPMIN", ["ZPOPMIN", "myzset"], spread(["ZADD", "myzset"], 500, scored),
             consumes=True),
    Workload("ZRANGE of 10", ["ZRANGE", "board", "50000", "50009"], board,
             counted=True),
    Workload("ZRANK", ["ZRANK", "board", f"element:{RANDOM}"], board),
    Workload("XADD", ["XADD", "mystream", "*", "field", "value"], consumes=True),
    Workload("XRANGE of 100", ["XRANGE", "entries", "-", "+", "COUNT", "100"], entries, 0.3,
             counted=True),
    Workload("MSET of 10", ["MSET", *[x for _ in range(10) for x in (f"key:{RANDOM}", "xxx")]], None,
             0.3),
]

# Collections of a million for `tools/bench memory`: the command, and its words for element i.
COLLECTIONS = {
    "sorted set": ("ZADD", lambda i, rng: (repr(rng.random()), f"element:{i:012d}")),
    "hash": ("HSET", lambda i, rng: (f"field:{i:012d}", f"value:{i:010d}")),
}


def prepare(server, workload, count):
    """Empties the server and fills it for a workload."""
    with server.connect() as connection:
        connection.call("FLUSHALL")
        if workload.fill:
            pending = []

            def send(*words):
                connection.send(request(*words))
                pending.append(words[0])
                if len(pending) >= 50:
                    drain(connection, pending)

            workload.fill(send, count)
            drain(connection, pending)


def drain(connection, pending):
    for command in pending:
        if isinstance(reply := connection.reply(), ReplyError):
            raise SystemExit(f"{command}: {reply}")
    pending.clear()


def knows(server, workload):
    """Whether the server has the command."""
    with server.connect() as connection:
        try:
            connection.call(workload.words[0])
        except ReplyError as error:
            return "unknown command" not in str(error)
    return True


def fill_collection(server, kind, count):
    """One key with so many elements, in random order."""
    command, words = COLLECTIONS[kind]
    rng = random.Random(2)
    order = rng.sample(range(count), count)
    with server.connect() as connection:
        pending = []
        for start in range(0, count, 250):
            flat = [w for i in order[start:start + 250] for w in words(i, rng)]
            connection.send(request(command, "big", *flat))
            pending.append(command)
            if len(pending) >= 20:
                drain(connection, pending)
        drain(connection, pending)
