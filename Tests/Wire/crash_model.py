"""A model of a database, and random writes for it, for the crash test.

Writes are made in units: one command, or several between MULTI and EXEC. One connection's units
are executed in order, so that after a crash the database must be the model after a prefix of
the units sent, and that prefix must hold every unit that was acknowledged."""

import itertools

from resp import plain

FAR_MS = 4_000_000_000_000
# IDs of entries of streams, for every stream there is.
ENTRY_IDS = itertools.count(1)


class Model:
    """Databases of one writer: for each the keys with [value, expiry time in ms or -1]."""

    def __init__(self, databases, owns_all=False):
        self.owns_all = owns_all
        self.databases = list(databases)
        self.data = {d: {} for d in databases}
        self.at = databases[0]

    def apply(self, unit):
        for args in unit:
            if args[0] not in ("MULTI", "EXEC"):
                self.one(*args)

    def one(self, name, *a):
        data = self.data[self.at]
        if name == "SELECT":
            self.at = a[0]
        elif name == "FLUSHDB":
            data.clear()
        elif name == "FLUSHALL":
            for other in self.data.values():
                other.clear()
        elif name == "SWAPDB":
            self.data[a[0]], self.data[a[1]] = self.data[a[1]], self.data[a[0]]
        elif name == "MOVE":
            if a[0] in data and a[0] not in self.data[a[1]]:
                self.data[a[1]][a[0]] = data.pop(a[0])
        elif name == "DEL":
            data.pop(a[0], None)
        elif name == "RENAME":
            if a[0] in data:
                data[a[1]] = data.pop(a[0])
        elif name == "COPY":
            if a[0] in data and a[0] != a[1]:
                value, expiry = data[a[0]]
                data[a[1]] = [value if isinstance(value, bytes) else value.copy(), expiry]
        elif name == "PEXPIREAT":
            if a[0] in data:
                data[a[0]][1] = a[1]
        elif name == "PERSIST":
            if a[0] in data:
                data[a[0]][1] = -1
        elif name == "SET":
            data[a[0]] = [a[1], a[3] if len(a) > 2 else -1]
        elif name == "LMOVE":
            if a[0] in data:
                element = data[a[0]][0].pop(0)
                self.one("RPUSH", a[1], element)
                self.trim(data, a[0])
        elif name == "SUNIONSTORE":
            union = set().union(*(data[k][0] for k in a[1:] if k in data))
            data.pop(a[0], None)
            if union:
                data[a[0]] = [union, -1]
        else:
            self.change(data, name, *a)

    def change(self, data, name, key, *a):
        """Commands that change a value in place, creating it when there is none."""
        empty = {"A": b"", "I": b"0", "R": [], "L": [], "H": {}, "S": set(), "Z": {},
                 "X": []}[name[0]]
        if key not in data:
            if name in ("LPOP", "LTRIM", "HDEL", "SREM", "ZREM", "XDEL", "XTRIM"):
                return
            data[key] = [empty, -1]
        entry = data[key]
        value = entry[0]
        if name == "APPEND":
            entry[0] = value + a[0]
        elif name == "INCRBY":
            entry[0] = b"%d" % (int(value) + a[0])
        elif name == "RPUSH":
            value.extend(a)
        elif name == "LPUSH":
            value[:0] = reversed(a)
        elif name == "LPOP":
            del value[: a[0]]
        elif name == "LTRIM":
            entry[0] = value[a[0] : a[1] + 1]
        elif name == "HSET":
            value.update(zip(a[::2], a[1::2]))
        elif name == "SADD":
            value.update(a)
        elif name == "SREM":
            value.difference_update(a)
        elif name == "ZADD":
            value.update((m, b"%d" % s) for s, m in zip(a[::2], a[1::2]))
        elif name == "XADD":
            value.append([a[0], list(a[1:])])
        elif name == "XDEL":
            entry[0] = [item for item in value if item[0] not in a]
        elif name == "XTRIM":
            entry[0] = value[max(0, len(value) - a[1]) :]
        elif name == "ZINCRBY":
            value[a[1]] = b"%d" % (int(value.get(a[1], 0)) + a[0])
        else:
            assert name in ("HDEL", "ZREM"), name
            for field in a:
                value.pop(field, None)
        if name != "APPEND" and name[0] != "X":
            self.trim(data, key)

    @staticmethod
    def trim(data, key):
        if not data[key][0]:
            del data[key]

    def differences(self, worlds):
        """What differs from the databases as `contents` read them; empty when equal."""
        found = []
        for database, data in self.data.items():
            world = worlds[database]
            for key in data.keys() | world.keys():
                ours, there = data.get(key), world.get(key)
                if ours is None or there is None or ours[0] != there[0] or ours[1] != there[1]:
                    found.append((database, key, ours, there))
        return found


def contents(connection, database):
    """A database as the model holds it."""
    connection.call("SELECT", database)
    reads = {b"string": ("GET",), b"hash": ("HGETALL",), b"list": ("LRANGE", 0, -1),
             b"set": ("SMEMBERS",), b"zset": ("ZRANGE", 0, -1, "WITHSCORES"),
             b"stream": ("XRANGE", "-", "+")}
    keys = connection.plain("KEYS", "*")
    kinds = [r[1] for r in connection.pipeline([("TYPE", k) for k in keys])]
    present = [(k, kind) for k, kind in zip(keys, kinds) if kind != b"none"]
    values = connection.pipeline([(reads[t][0], k, *reads[t][1:]) for k, t in present])
    expiries = connection.pipeline([("PEXPIRETIME", k) for k, _ in present])
    world = {}
    for (key, kind), reply, expiry in zip(present, values, expiries):
        value = plain(reply)
        if kind in (b"hash", b"zset"):
            value = dict(zip(value[::2], value[1::2]))
        elif kind == b"set":
            value = set(value)
        world[key] = [value, expiry[1]]
    return world


def unit(rng, model):
    """A random unit of writes."""
    if rng.random() < 0.25:
        return [("MULTI",), *[command(rng, model) for _ in range(rng.randint(1, 6))], ("EXEC",)]
    return [command(rng, model)]


def command(rng, model):
    roll = rng.random()
    number = rng.randrange(12)
    key = lambda kind: b"%s%d" % (kind, rng.randrange(12))
    element = lambda: b"e%d" % rng.randrange(40)
    many = lambda: 300 if rng.random() < 0.02 else rng.randint(1, 4)
    text = rng.randbytes(rng.choice([5, 30, 200, 200, 1500 if rng.random() < 0.9 else 50_000]))
    if roll < 0.003 and model.owns_all:
        return rng.choice([("FLUSHALL",), ("FLUSHALL", "ASYNC"), ("FLUSHALL", "SYNC")])
    if roll < 0.02 and len(model.databases) > 1:
        return rng.choice([("SELECT", rng.choice(model.databases)), ("FLUSHDB",),
                           ("SWAPDB", *model.databases[:2]),
                           ("MOVE", key(b"s"), model.databases[1])])
    if roll < 0.12:
        kind = rng.choice([b"s", b"c", b"l", b"h", b"S", b"z", b"x"])
        return rng.choice([("DEL", key(kind)), ("RENAME", key(kind), key(kind)),
                           ("COPY", key(kind), key(kind), "REPLACE"),
                           ("PEXPIREAT", key(kind), FAR_MS + number), ("PERSIST", key(kind))])
    new, old = next(ENTRY_IDS), rng.randrange(1, 50)
    return rng.choice([
        *[("XADD", key(b"x"), b"%d-1" % new, b"f", text[:80], b"n", b"%d" % number)] * 3,
        ("XDEL", key(b"x"), *[b"%d-1" % max(1, new - old * n) for n in (1, 2, 3)]),
        ("XTRIM", key(b"x"), "MAXLEN", rng.randrange(30)),
        ("SET", key(b"s"), text), ("SET", key(b"s"), text, "PXAT", FAR_MS + number),
        ("APPEND", key(b"s"), b"+%d" % number), ("INCRBY", key(b"c"), rng.randint(1, 100)),
        ("INCRBY", key(b"c"), 1), ("RPUSH", key(b"l"), *[element() for _ in range(many())]),
        ("LPUSH", key(b"l"), element(), text[:100]), ("LPOP", key(b"l"), number + 1),
        ("LTRIM", key(b"l"), 0, 50), ("LMOVE", key(b"l"), key(b"l"), "LEFT", "RIGHT"),
        ("HSET", key(b"h"), *[x for _ in range(many()) for x in (element(), text[:60])]),
        ("HSET", key(b"h"), b"counter", b"%d" % number), ("HDEL", key(b"h"), element(), element()),
        ("SADD", key(b"S"), *[element() for _ in range(many())]),
        ("SADD", key(b"S"), *[b"%d" % rng.randrange(2000) for _ in range(many())]),
        ("SREM", key(b"S"), element()), ("SUNIONSTORE", key(b"S"), key(b"S"), key(b"S")),
        ("ZADD", key(b"z"), *[x for _ in range(many()) for x in (rng.randrange(50), element())]),
        ("ZINCRBY", key(b"z"), number, element()), ("ZREM", key(b"z"), element())])
