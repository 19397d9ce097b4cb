"""Runs the same random commands against Firn and against redis-server and compares everything.

    python Tests/Wire/differential.py --seed 7 --commands 200000 --torture
    python Tests/Wire/differential.py --maxmemory 1mb --rounds 20 --restarts

A run is a list of steps, plain data made from a seed (see generator.py): a pipeline of commands
on one of two connections (one speaks RESP2, one RESP3), or a step with a rule of its own, such
as SPOP (what Firn picked is removed from Redis), SCAN (whole iterations are compared as sets)
or exchanging DUMP payloads. After the last step all values and expiry times must be equal, and
equal again after Firn is killed and started anew. A failing list is cut down by leaving steps
out for as long as it still fails."""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from conftest import Server, free_port
from crash_model import contents
from generator import DATABASES, KEYS, make_steps
from resp import Connection, ReplyError, word

FILLER_DATABASE = 9
TTL_SLACK_MS = 4000
# So few that trimming and deleting come to the ends of nodes.
STREAM_NODE_ENTRIES = "7"
UNORDERED = {b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"KEYS", b"HKEYS", b"HVALS"}
TIMES = {b"TTL": 1, b"PTTL": 1000, b"EXPIRETIME": 1, b"PEXPIRETIME": 1000}
# What a string that was spilled and fetched may be encoded as; collections stay what they are.
SPILLED = [{b"raw", b"embstr"}, {b"raw", b"int"}]
# What a value that was written to the log or a snapshot and read again may be encoded as.
REREAD = SPILLED + [{b"hashtable", b"listpack"}, {b"skiplist", b"listpack"},
                    {b"hashtable", b"intset"}]


class Mismatch(Exception):
    """The servers differ."""


class RedisServer:
    """The server that is right by definition."""

    def __init__(self, directory, *options):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--dir", str(directory), "--save", "",
             *options], stdout=subprocess.DEVNULL)
        deadline = time.time() + 20
        while True:
            try:
                connection = Connection(self.port)
                if connection.call("PING") == ("+", b"PONG"):
                    return connection.close()
                connection.close()
            except OSError:
                pass
            assert time.time() < deadline and self.process.poll() is None
            time.sleep(0.01)

    def stop(self):
        self.process.kill()
        self.process.wait()


FAILURES = (Mismatch, ReplyError, OSError, EOFError, AssertionError)

# MARK: Comparing replies


def pairs(reply):
    """A map of either protocol as a sorted list."""
    kind, value = reply
    if kind == "*" and value and value[0][0] != "*":
        return kind, sorted(zip(value[::2], value[1::2]))
    return kind, sorted(value, key=repr) if value else value


# Facts of XINFO that depend on the time of day, and one of Redis's radix tree.
UNTOLD = {b"idle", b"seen-time", b"radix-tree-nodes"}


def timeless(reply):
    """What XINFO says, without what depends on the time, whatever the protocol."""
    kind, value = reply
    if kind == "%":
        kind, value = "*", [x for pair in value for x in pair]
    if kind != "*" or not value:
        return kind, value
    parts, names = [], [x[1] if x[0] == "$" else None for x in value]
    for i, part in enumerate(value):
        before = names[i - 1] if i else None
        if i % 2 and before in UNTOLD:
            continue
        if i % 2 and before == b"pending" and part[0] == "*":
            # ID, consumer if it is the group's, time, deliveries.
            part = ("*", [("*", [*x[1][:-2], x[1][-1]]) for x in part[1]])
        parts.append(timeless(part))
    return kind, parts


def idleless(reply):
    """What XPENDING lists, without how long ago it was."""
    kind, value = reply
    if kind == "*" and value and all(x[0] == "*" and len(x[1]) == 4 for x in value):
        return kind, [(x[1][0], x[1][1], x[1][3]) for x in value]
    return reply


def numeric(reply):
    """A reply with numbers for texts that are numbers: 1e+17 and 100000000000000000, -0 and 0."""
    kind, value = reply
    if isinstance(kind, tuple):
        return tuple(map(numeric, reply))
    if isinstance(value, list):
        return kind, [numeric(x) for x in value]
    try:
        number = float(value) if isinstance(value, bytes) else None
    except ValueError:
        return reply
    return reply if number is None or number != number else (kind, number)


def equal(args, ours, theirs, reread):
    """Whether two replies to a command agree, as far as they are determined; `reread` has the
    encodings that may stand for each other."""
    if ours == theirs:
        return True
    if ours[0] != theirs[0] or "-" in (ours[0], theirs[0]) or None in (ours[1], theirs[1]):
        return False
    name = args[0].upper()
    if name == b"XINFO":
        return timeless(ours) == timeless(theirs)
    if name == b"XPENDING":
        return idleless(ours) == idleless(theirs)
    if name in UNORDERED and isinstance(ours[1], list):
        return sorted(ours[1], key=repr) == sorted(theirs[1], key=repr)
    if name.startswith(b"Z") and {b"skiplist", b"listpack"} in reread:
        # How scores are written depends on the encoding.
        return numeric(ours) == numeric(theirs)
    if name.startswith(b"GEO") and isinstance(ours[1], list) and len(ours[1]) == len(theirs[1]):
        # Which of those that are equally far away come first under COUNT is not determined.
        upper = [a.upper() for a in args]
        return b"COUNT" in upper and b"ANY" not in upper
    if name == b"HGETALL":
        return pairs(ours) == pairs(theirs)
    if name.startswith(b"SORT") and isinstance(ours[1], list):
        upper = [a.upper() for a in args]
        if b"BY" in upper[:-1] and (
                b"ALPHA" in upper or b"*" not in args[upper.index(b"BY") + 1]):
            return sorted(ours[1], key=repr) == sorted(theirs[1], key=repr)
        if b"ALPHA" in upper and any(b"\0" in (x[1] or b"") for x in ours[1] + theirs[1]):
            # Redis compares up to a zero byte here, so that the order of such is by chance.
            return len(ours[1]) == len(theirs[1])
        return False
    if name in TIMES and ours[0] == ":":
        slack = TTL_SLACK_MS * TIMES[name] // 1000
        return min(ours[1], theirs[1]) > 0 and abs(ours[1] - theirs[1]) <= slack
    if name == b"OBJECT" and len(args) == 3:
        if {ours[1], theirs[1]} == {b"int", b"embstr"}:
            return True  # Firn keeps what INCRBYFLOAT makes as an integer where it is one.
        if args[1].upper() == b"IDLETIME":
            return True
        if args[1].upper() == b"ENCODING":
            return {ours[1], theirs[1]} in reread
    return False


# MARK: Running steps


class Run:
    """Both servers with two connections each; executes steps."""

    def __init__(self, options, maxmemory=None, reread=(), verbose=False):
        self.directory = tempfile.mkdtemp(prefix="firn-wire-")
        self.reread = self.reread_before = reread
        self.verbose = verbose
        self.maxmemory = maxmemory
        if maxmemory:
            options = dict(options, maxmemory=maxmemory)
        options = dict(options, stream_node_max_entries=STREAM_NODE_ENTRIES)
        self.firn = Server(self.directory + "/firn", options)
        self.firn.directory.mkdir()
        self.firn.start()
        self.redis = RedisServer(
            self.directory, "--stream-node-max-entries", STREAM_NODE_ENTRIES)
        self.connect()

    def connect(self, databases=(0, 0)):
        self.pairs = [(Connection(self.firn.port), Connection(self.redis.port)) for _ in range(2)]
        while self.pairs[0][0].call("PING")[0] == "-":
            time.sleep(0.01)
        self.databases = list(databases)
        self.protocols = [2, 3]
        for number, pair in enumerate(self.pairs):
            for connection in pair:
                if number == 1:
                    connection.call("HELLO", 3)
                connection.call("SELECT", self.databases[number])

    def close(self):
        self.firn.stop(signal.SIGKILL)
        self.redis.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def supported(self, name):
        """Whether Firn has this command."""
        known = self.__dict__.setdefault("known", {})
        if name not in known:
            replies = [connection.call(name) for connection in self.pairs[0]]
            unknown = [kind == "-" and b"unknown command" in text for kind, text in replies]
            known[name] = unknown[1] or not unknown[0]
        return known[name]

    def reset(self):
        """Empty servers and new connections."""
        self.reread = self.reread_before
        for pair in self.pairs:
            for connection in pair:
                connection.close()
        self.connect()
        for connection in self.pairs[0]:
            connection.call("FLUSHALL")
        if self.maxmemory:
            filler = [["SET", f"filler:{i}", bytes([97 + i % 26]) * 1000] for i in range(3000)]
            self.pairs[0][0].pipeline([["SELECT", FILLER_DATABASE], *filler, ["SELECT", 0]])

    def check(self, args, ours, theirs):
        if not equal(args, ours, theirs, self.reread):
            raise Mismatch(f"{shown(args)}\n  firn  {shown(ours)}\n  redis {shown(theirs)}")

    def both(self, c, *args):
        """The same command on both; replies compared and Firn's returned."""
        ours, theirs = (connection.call(*args) for connection in self.pairs[c])
        self.check(args, ours, theirs)
        return ours

    def run(self, steps):
        for step in steps:
            if self.verbose:
                print(shown(step), file=sys.stderr)
            getattr(self, "do_" + step[0])(*step[1:])

    def do_pipeline(self, c, commands):
        for connection in self.pairs[c]:
            connection.send(*commands)
        for args in commands:
            ours, theirs = (connection.read() for connection in self.pairs[c])
            self.check(args, ours, theirs)
            if args[0].upper() == b"SELECT" and ours == ("+", b"OK"):
                self.databases[c] = int(args[1])

    def do_multi(self, c, watched, between, commands, end):
        if watched:
            self.both(c, b"WATCH", *watched)
        self.do_pipeline(1 - c, between)
        self.both(c, b"MULTI")
        queued = []
        for args in commands:
            if self.both(c, *args) == ("+", b"QUEUED"):
                queued.append(args)
        ours, theirs = (connection.call(end) for connection in self.pairs[c])
        if not isinstance(ours[1], list) or ours[0] != theirs[0] or theirs[1] is None:
            return self.check([end], ours, theirs)
        if len(ours[1]) != len(theirs[1]):
            raise Mismatch(f"EXEC\n  firn  {shown(ours)}\n  redis {shown(theirs)}")
        for args, x, y in zip(queued, ours[1], theirs[1]):
            self.check(args, x, y)
            if args[0].upper() == b"SELECT" and x == ("+", b"OK"):
                self.databases[c] = int(args[1])

    def do_spop(self, c, key, count):
        args = [b"SPOP", key] + ([] if count is None else [b"%d" % count])
        firn, redis = self.pairs[c]
        size = redis.call("SCARD", key)
        if size[0] == "-" or size[1] == 0 or count == -1:
            return self.both(c, *args)
        ours = firn.call(*args)
        picked = [ours] if count is None else ours[1]
        want = min(1 if count is None else count, size[1])
        kinds = {"$"} if count is None else {"~" if self.protocols[c] == 3 else "*"}
        removed = redis.call("SREM", key, *[x[1] for x in picked])[1] if picked else 0
        if ours[0] not in kinds or len(picked) != want or removed != want:
            raise Mismatch(f"{shown(args)} of {size}: {shown(ours)}, {removed} were members")

    def do_random(self, c, args):
        ours, theirs = (connection.call(*args) for connection in self.pairs[c])
        nothing = (None, [])
        if ours[0] != theirs[0] or ours[0] == "-" or ours[1] in nothing or theirs[1] in nothing:
            return self.check(args, ours, theirs)
        single = ours[0] == "$"
        if not single and len(ours[1]) != len(theirs[1]):
            return self.check(args, ours, theirs)
        picked, probe, kind = [ours] if single else ours[1], None, args[0]
        if len(args) == 4:
            nests = self.protocols[c] == 3
            if nests != (picked[0][0] == "*"):
                return self.check(args, ours, theirs)
            flat = [x for pair in picked for x in pair[1]] if nests else picked
            nested = list(zip(flat[::2], flat[1::2]))
        else:
            nested = [(x, None) for x in picked]
        fields = [x[1] for x, _ in nested]
        probe = {b"SRANDMEMBER": b"SMISMEMBER", b"HRANDFIELD": b"HMGET",
                 b"ZRANDMEMBER": b"ZMSCORE"}[kind]
        found = self.pairs[c][1].call(probe, args[1], *fields)[1]
        for (x, value), there in zip(nested, found):
            if there[1] in (None, 0) or value is not None and value != there:
                raise Mismatch(f"{shown(args)}: {shown((x, value))} is not there: {shown(there)}")
        unique = len(args) > 2 and not args[2].startswith(b"-")
        if unique and len(set(fields)) != len(fields):
            raise Mismatch(f"{shown(args)}: picked twice in {shown(ours)}")

    def do_scan(self, c, words):
        at = words.index(b"0") if b"0" in words else -1
        results = []
        for connection in self.pairs[c]:
            reply, seen = connection.call(*words), []
            if at < 0 or reply[0] == "-":
                results.append(reply)
                continue
            calls = 0
            while True:
                elements = reply[1][1][1]
                step = 2 if words[0] in (b"HSCAN", b"ZSCAN") else 1
                seen += [tuple(elements[i : i + step]) for i in range(0, len(elements), step)]
                cursor, calls = reply[1][0][1], calls + 1
                if cursor == b"0" or calls > 20_000:
                    break
                reply = connection.call(*words[:at], cursor, *words[at + 1 :])
            results.append(("*", sorted(set(seen))))
        self.check(words, *results)

    def do_exchange(self, c, source, target, options):
        """Each server restores what the other one dumped."""
        payloads = [connection.call("DUMP", source) for connection in self.pairs[c]]
        if None in (payloads[0][1], payloads[1][1]) or "-" in (payloads[0][0], payloads[1][0]):
            return self.check([b"DUMP", source], *payloads)
        command = [b"RESTORE", target, options[0]]
        ours = self.pairs[c][0].call(*command, payloads[1][1], *options[1:])
        theirs = self.pairs[c][1].call(*command, payloads[0][1], *options[1:])
        self.check([*command, b"...", *options[1:]], ours, theirs)

    def do_dbsize(self, c):
        for connection in self.pairs[c]:
            connection.call("EXISTS", *KEYS)
        self.both(c, b"DBSIZE")

    def do_block(self, c, blocking, release):
        if not self.supported(blocking[0].decode()):
            return
        for connection in self.pairs[1 - c]:
            connection.call("SELECT", self.databases[c])
        for connection, other in zip(self.pairs[c], self.pairs[1 - c]):
            other.call("DEL", b"l0", b"l1", b"l2", b"z0", b"z1")
            connection.send(blocking)
            if release:
                deadline = time.time() + 5
                while b"blocked_clients:1" not in other.call("INFO", "clients")[1]:
                    if time.time() > deadline:
                        raise Mismatch(f"{shown(blocking)} did not block")
        if release:
            self.both(1 - c, *release)
        ours, theirs = (connection.read() for connection in self.pairs[c])
        self.check(blocking, ours, theirs)
        for connection in self.pairs[1 - c]:
            connection.call("SELECT", self.databases[1 - c])

    def do_expire(self, c, key, name):
        if name == b"SET":
            self.both(c, b"SET", key, b"gone soon", b"PX", b"15")
        else:
            self.both(c, name, key, b"15")
        deadline = time.time() + 0.02
        while time.time() < deadline:
            pass
        self.both(c, b"TYPE", key)

    def do_firn(self, name):
        self.pairs[0][0].call(name, *([b"s0"] if name == b"TYPE" else []))

    def do_restart(self):
        self.firn.restart(signal.SIGKILL)
        self.reread = REREAD
        self.connect(self.databases)

    def compare(self):
        """Every database: keys, types, values, expiry times."""
        for database in range(DATABASES + 1):
            ours, theirs = (contents(connection, database) for connection in self.pairs[0])
            for key in sorted(ours.keys() | theirs.keys()):
                x, y = ours.get(key), theirs.get(key)
                if x is None or y is None or x[0] != y[0] or abs(x[1] - y[1]) > TTL_SLACK_MS:
                    raise Mismatch(f"key {key} of database {database}\n  firn  {shown(x)}\n"
                                   f"  redis {shown(y)}")
            for key in ours:
                for words in (["STREAM", key, "FULL", "COUNT", 0], ["GROUPS", key]):
                    replies = [c.call("XINFO", *words) for c in self.pairs[0]]
                    if replies[0][0] != "-":
                        self.check([b"XINFO", *map(word, words)], *replies)
        if self.maxmemory:
            self.pairs[0][0].call("SELECT", FILLER_DATABASE)
            replies = self.pairs[0][0].pipeline([["GET", f"filler:{i}"] for i in range(3000)])
            for i, reply in enumerate(replies):
                if reply[1] not in (None, bytes([97 + i % 26]) * 1000):
                    raise Mismatch(f"filler:{i} is {shown(reply)}")
        for connection in self.pairs[0]:
            connection.call("SELECT", self.databases[0])


def shown(thing):
    text = repr(thing)
    return text if len(text) <= 1500 else f"{text[:1200]} … {text[-280:]}"


# MARK: Failures, made smaller


def history(steps, error):
    """The last commands that name a key of the one that failed."""
    lines = []
    for step in steps:
        commands = [step[2:]]
        if step[0] in ("pipeline", "multi"):
            commands = step[2] if step[0] == "pipeline" else [*step[3], *step[4]]
        for args in commands:
            if any(repr(key) in str(error).split("\n")[0] and repr(key) in repr(args)
                   for key in KEYS):
                lines.append(f"  {step[0]} {shown(args)[:300]}")
    return "\n".join(lines[-40:])


def attempt(run, steps):
    """The error that these steps end in on empty servers, or None."""
    try:
        run.reset()
        run.run(steps)
        run.compare()
        run.do_restart()
        run.compare()
    except FAILURES as error:
        return error
    return None


def shrink(run, steps, seconds):
    """Leaves out what can be left out while it still fails; for as long as given."""
    flat = [(s[0], s[1], [a]) for s in steps if s[0] == "pipeline" for a in s[2]]
    if len(flat) < len(steps) * 40:
        flat = [("pipeline", s[1], [a]) if a else s for s in steps
                for a in (s[2] if s[0] == "pipeline" else [None])]
        if attempt(run, flat):
            steps = flat
    deadline, size = time.time() + seconds, max(1, len(steps) // 2)
    while size and time.time() < deadline:
        at, before = 0, len(steps)
        while at < len(steps) and time.time() < deadline:
            fewer = steps[:at] + steps[at + size :]
            if attempt(run, fewer):
                steps = fewer
            else:
                at += size
        if size == 1 and len(steps) == before:
            break
        size = max(1, size // 2)
    return steps


def differ(seed, commands, torture=False, maxmemory=None, restarts=False, shrink_seconds=20,
           verbose=False):
    """One whole run; None, or a text that tells the failure."""
    options = {"appendfsync": "always"}
    if torture:
        options["debug_spill_every_command"] = "yes"
    make = lambda: Run(options, maxmemory, SPILLED if torture or maxmemory else (), verbose)
    run = make()
    try:
        run.reset()
        steps = make_steps(seed, commands, run.supported, restarts)
        done = 0
        try:
            for done, step in enumerate(steps):
                run.run([step])
            run.compare()
            run.do_restart()
            run.compare()
            return None
        except FAILURES as error:
            steps, first = steps[: done + 1], error
            print(history(steps, first), file=sys.stderr)
        log = run.firn.log()
        run.close()
        run = make()
        run.verbose = False
        small = shrink(run, steps, shrink_seconds)
        last = attempt(run, small)
        lines = "\n".join(shown(step) for step in small[-60:])
        return (f"seed {seed}, step {done}: {type(first).__name__} {first}\n"
                f"{len(small)} steps fail with: {last}\n{lines}\n{log[-3000:]}")
    finally:
        run.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--commands", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--torture", action="store_true")
    parser.add_argument("--maxmemory")
    parser.add_argument("--restarts", action="store_true")
    parser.add_argument("--shrink", type=int, default=60, help="seconds")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    for seed in range(options.seed, options.seed + options.rounds):
        failure = differ(seed, options.commands, options.torture, options.maxmemory,
                         options.restarts, options.shrink, options.verbose)
        print(failure or f"seed {seed}: equal", flush=True)
        if failure:
            sys.exit(1)


if __name__ == "__main__":
    main()
