"""The data of the demo: Debian's package index as Redis data structures.

    package:NAME      hash         every field of the package
    description:NAME  string       its long description; every tenth has an expiry
    section:SECTION   set          names of the packages in it
    maintainer:MAIL   list         names of the packages, in the index's order
    packages:by-size  sorted set   names by installed size

`Model` is what a server should hold: written by the demo beside each command, compared with what
the server says. A key's value is bytes, a dict, a set, a list, or `Scores` (a dict of its own)."""

import subprocess

DAY_MS = 86_400_000


class Scores(dict):
    """A sorted set: member to score."""


TYPES = {bytes: b"string", dict: b"hash", set: b"set", list: b"list", Scores: b"zset"}


def read_packages(limit=None):
    """The packages that apt knows, as dicts of bytes, one of each name; the long description
    is under b"Long"."""
    packages, seen = [], set()
    process = subprocess.Popen(["apt-cache", "dumpavail"], stdout=subprocess.PIPE)
    fields, last = {}, None
    for line in process.stdout:
        line = line.rstrip(b"\n")
        if line[:1] in (b" ", b"\t"):
            more = b"Long" if last == b"Description" else last
            fields[more] = fields[more] + b"\n" + line[1:] if more in fields else line[1:]
        elif line:
            last, _, text = line.partition(b":")
            fields[last] = text.strip()
        else:
            name = fields.get(b"Package")
            if name and name not in seen:
                seen.add(name)
                packages.append(fields)
                if len(packages) == limit:
                    break
            fields, last = {}, None
    process.kill()
    process.wait()
    process.stdout.close()
    return packages


def commands_of(package, number, expires_ms):
    """The commands that store one package."""
    name = package[b"Package"]
    flat = [part for pair in package.items() if pair[0] != b"Long" for part in pair]
    section = package.get(b"Section", b"unknown")
    size = int(package.get(b"Installed-Size", b"0"))
    maintainer = package.get(b"Maintainer", b"nobody <>")
    mail = maintainer.rpartition(b"<")[2].rstrip(b">") or maintainer
    long = package.get(b"Long", b"-")
    commands = [
        (b"HSET", b"package:" + name, *flat),
        (b"SET", b"description:" + name, long),
        (b"SADD", b"section:" + section, name),
        (b"RPUSH", b"maintainer:" + mail, name),
        (b"ZADD", b"packages:by-size", b"%d" % size, name),
    ]
    if number % 10 == 0:
        at = expires_ms + number * 1000
        commands[1] += (b"PXAT", b"%d" % at)
    return commands


class Model:
    """A keyspace in plain Python."""

    def __init__(self):
        self.values = {}
        self.expiries = {}

    def apply(self, commands):
        for command in commands:
            getattr(self, command[0].decode().lower())(*command[1:])

    def set(self, key, value, *options):
        self.values[key] = value
        self.expiries.pop(key, None)
        if options:
            self.expiries[key] = int(options[1])

    def append(self, key, more):
        self.values[key] = self.values.get(key, b"") + more

    def hset(self, key, *flat):
        self.values.setdefault(key, {}).update(zip(flat[::2], flat[1::2]))

    def sadd(self, key, *members):
        self.values.setdefault(key, set()).update(members)

    def rpush(self, key, *elements):
        self.values.setdefault(key, []).extend(elements)

    def zadd(self, key, score, member):
        self.values.setdefault(key, Scores())[member] = float(score)

    def zincrby(self, key, by, member):
        scores = self.values.setdefault(key, Scores())
        scores[member] = scores.get(member, 0.0) + float(by)

    def delete(self, key):
        self.values.pop(key, None)
        self.expiries.pop(key, None)


def read_command(key, value):
    """The command that reads a whole value."""
    if isinstance(value, Scores):
        return (b"ZRANGE", key, b"0", b"-1", b"WITHSCORES")
    if isinstance(value, dict):
        return (b"HGETALL", key)
    if isinstance(value, set):
        return (b"SMEMBERS", key)
    if isinstance(value, list):
        return (b"LRANGE", key, b"0", b"-1")
    return (b"GET", key)


def decoded(reply, like):
    """A reply to `read_command` in the model's form."""
    if isinstance(like, Scores):
        return Scores(zip(reply[::2], map(float, reply[1::2])))
    if isinstance(like, dict):
        return dict(zip(reply[::2], reply[1::2]))
    if isinstance(like, set):
        return set(reply)
    return reply


def differences(connection, model, limit=10):
    """Reads everything that a server holds and compares it with the model: the set of keys by
    SCAN and DBSIZE, then each key's type, value and expiry. Returns texts, at most `limit`."""
    found = []
    count = connection.call(b"DBSIZE")
    if count != len(model.values):
        found.append(f"DBSIZE is {count}, not {len(model.values)}")
    keys, cursor = set(), b"0"
    while True:
        cursor, page = connection.call(b"SCAN", cursor, b"COUNT", b"1000")
        keys.update(page)
        if cursor == b"0":
            break
    found += [f"SCAN does not return {key!r}" for key in sorted(model.values.keys() - keys)[:limit]]
    found += [f"SCAN returns {key!r}" for key in sorted(keys - model.values.keys())[:limit]]
    items = list(model.values.items())
    for start in range(0, len(items), 200):
        part = items[start:start + 200]
        replies = connection.pipeline([
            command for key, value in part
            for command in ((b"TYPE", key), (b"PEXPIRETIME", key), read_command(key, value))])
        for (key, value), kind, expiry, reply in zip(
                part, replies[::3], replies[1::3], replies[2::3]):
            if kind != TYPES[type(value)]:
                found.append(f"{key!r} is a {kind!r}")
            elif decoded(reply, value) != value:
                found.append(f"{key!r} is {str(reply)[:200]}, not {str(value)[:200]}")
            elif expiry != model.expiries.get(key, -1):
                found.append(f"{key!r} expires at {expiry}, not {model.expiries.get(key, -1)}")
        if len(found) > limit:
            break
    return found[:limit]
