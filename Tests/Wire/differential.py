"""Runs the same random commands against Firn and against redis-server and compares everything.

    python Tests/Wire/differential.py --seed 7 --commands 200000 --torture
    python Tests/Wire/differential.py --maxmemory 1mb --rounds 20 --restarts
    python Tests/Wire/differential.py --untiered --rounds 20 --restarts

A run is a list of steps, plain data made from a seed (see generator.py): a pipeline of commands
on one of two connections (one speaks RESP2, one RESP3), or a step with a rule of its own, such
as SPOP (what Firn picked is removed from Redis), SCAN (whole iterations are compared as sets),
exchanging DUMP payloads, or setting a limit at which encodings change. Replies must be equal,
the keyspace events of every step, and what INFO counts of some. After the last step all values
and expiry times must be equal, each server must restore what the other dumps of every key, and
all that again after Firn is killed and started anew. A failing list is cut down by leaving
steps out for as long as it still fails. Long runs are quicker with TMPDIR=/dev/shm."""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from comparing import REREAD, SPILLED, TTL_SLACK_MS, Mismatch, counts, equal, same_value, shown
from conftest import Server, free_port
from crash_model import contents
from generator import LIMITS, make_steps
from picking import DATABASES, KEYS
from resp import Connection, ReplyError, word

FILLER_DATABASE = 9
CROSSING_DATABASE = 8
# Of the limits of encodings; nodes of streams have so few entries that trimming and deleting come
# to their ends.
DEFAULTS = {b"stream-node-max-entries": b"7"}
MARK = b"end of step"
# Events that come when the server has time for them.
AT_ANY_TIME = {b"expired"}


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

# MARK: Running steps


# Steps whose keyspace events have an order, and those in which the servers are asked differently.
ORDERLY = {"pipeline", "multi", "counted"}
UNEQUAL = {"spop", "random", "scan", "exchange", "block", "dbsize", "firn"}


class Run:
    """Both servers with two connections each; executes steps."""

    def __init__(self, options, maxmemory=None, reread=(), verbose=False):
        self.directory = tempfile.mkdtemp(prefix="firn-wire-")
        self.reread = self.reread_before = reread
        self.verbose = verbose
        self.maxmemory = maxmemory
        if maxmemory:
            options = dict(options, maxmemory=maxmemory)
        self.firn = Server(self.directory + "/firn", options)
        self.firn.directory.mkdir()
        self.firn.start()
        self.redis = RedisServer(self.directory, "--hz", "100")
        self.connect()
        replies = self.pairs[0][1].pipeline([(b"CONFIG", b"GET", name) for name in LIMITS])
        self.defaults = {reply[1][0][1]: reply[1][1][1] for reply in replies} | DEFAULTS

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
        self.ears = (Connection(self.firn.port), Connection(self.redis.port))
        for ear in self.ears:
            ear.call("CONFIG", "SET", "notify-keyspace-events", "AKEmn")
            ear.call("PSUBSCRIBE", "__keyevent@*")
            ear.call("PSUBSCRIBE", "mark")
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
        self.hang_up()
        self.connect()
        self.set_limits(self.defaults)
        for connection in self.pairs[0]:
            connection.call("FLUSHALL")
        if self.maxmemory:
            filler = [["SET", f"filler:{i}", bytes([97 + i % 26]) * 1000] for i in range(3000)]
            self.pairs[0][0].pipeline([["SELECT", FILLER_DATABASE], *filler, ["SELECT", 0]])
        self.compare_events("firn")

    def hang_up(self):
        for pair in (*self.pairs, self.ears):
            for connection in pair:
                connection.close()

    def set_limits(self, limits):
        """Sets them on both servers, and for Firn's next start."""
        self.firn.options |= {name.decode(): value.decode() for name, value in limits.items()}
        for connection in self.pairs[0]:
            replies = connection.pipeline(
                [(b"CONFIG", b"SET", *pair) for pair in limits.items()])
            assert set(replies) <= {("+", b"OK")}, replies

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
            self.compare_events(step[0])

    def compare_events(self, step):
        """What both servers told since the last time."""
        in_order = step in ORDERLY
        for c in range(2):
            self.pairs[0][c].send(("PUBLISH", "mark", MARK))
        heard = []
        for c, ear in enumerate(self.ears):
            events = []
            while True:
                _, pattern, channel, message = (part[1] for part in ear.read()[1])
                if pattern == b"mark":
                    break
                event = channel.rpartition(b":")[2]
                if event not in AT_ANY_TIME:
                    events.append((channel, message))
            self.pairs[0][c].read()
            # Where keys are looked for depends on the order of a set's members.
            missed = [event for event in events if event[0].endswith(b"keymiss")]
            others = [event for event in events if not event[0].endswith(b"keymiss")]
            heard.append([*(others if in_order else sorted(others)), *sorted(missed)])
        if heard[0] != heard[1] and step not in UNEQUAL:
            at = next((i for i, (x, y) in enumerate(zip(*heard)) if x != y), min(map(len, heard)))
            raise Mismatch(f"events, from number {at} of {list(map(len, heard))}\n"
                           f"  firn  {shown(heard[0][at:at + 5])}\n"
                           f"  redis {shown(heard[1][at:at + 5])}")

    def do_hello(self, c, protocol):
        for connection in self.pairs[c]:
            assert connection.call("HELLO", protocol)[0] in "*%"
        self.protocols[c] = protocol

    def do_limit(self, name, value):
        self.set_limits({name: value})

    def do_counted(self, c, commands):
        """A pipeline, and what the servers count of it."""
        for connection in self.pairs[1 - c]:
            connection.call("CONFIG", "RESETSTAT")
        self.do_pipeline(c, commands)
        ours, theirs = (counts(connection) for connection in self.pairs[1 - c])
        if ours != theirs:
            names = sorted(name for name in ours.keys() | theirs.keys()
                           if ours.get(name) != theirs.get(name))
            lines = (f"  {name}: firn {ours.get(name)}, redis {theirs.get(name)}" for name in names)
            raise Mismatch(f"counts of {shown(commands)}\n" + "\n".join(lines))

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
        self.hang_up()
        self.firn.restart(signal.SIGKILL)
        self.reread = REREAD
        self.connect(self.databases)

    def compare(self):
        """Every database: keys, types, values, expiry times."""
        for database in range(DATABASES + 1):
            ours, theirs = (contents(connection, database) for connection in self.pairs[0])
            for key in sorted(ours.keys() | theirs.keys()):
                x, y = ours.get(key), theirs.get(key)
                if x is None or y is None or not same_value(x[0], y[0], self.reread) or (
                        abs(x[1] - y[1]) > TTL_SLACK_MS):
                    raise Mismatch(f"key {key} of database {database}\n  firn  {shown(x)}\n"
                                   f"  redis {shown(y)}")
            for key in ours:
                for words in (["STREAM", key, "FULL", "COUNT", 0], ["GROUPS", key]):
                    replies = [c.call("XINFO", *words) for c in self.pairs[0]]
                    if replies[0][0] != "-":
                        self.check([b"XINFO", *map(word, words)], *replies)
            self.cross(database, ours)
        if self.maxmemory:
            self.pairs[0][0].call("SELECT", FILLER_DATABASE)
            replies = self.pairs[0][0].pipeline([["GET", f"filler:{i}"] for i in range(3000)])
            for i, reply in enumerate(replies):
                if reply[1] not in (None, bytes([97 + i % 26]) * 1000):
                    raise Mismatch(f"filler:{i} is {shown(reply)}")
        for connection in self.pairs[0]:
            connection.call("SELECT", self.databases[0])


    def cross(self, database, keys):
        """Each server restores what the other one dumped of all keys."""
        keys, worlds = sorted(keys), []
        dumps = []
        for connection in self.pairs[0]:
            connection.call("SELECT", database)
            dumps.append(connection.pipeline([("DUMP", key) for key in keys]))
            connection.call("SELECT", CROSSING_DATABASE)
        for connection, theirs in zip(self.pairs[0], reversed(dumps)):
            replies = connection.pipeline(
                [("RESTORE", key, 0, dump[1]) for key, dump in zip(keys, theirs) if dump[1]])
            for key, reply in zip(keys, replies):
                if reply != ("+", b"OK"):
                    raise Mismatch(f"key {key} restored on port {connection.port}: {shown(reply)}")
            worlds.append(contents(connection, CROSSING_DATABASE))
            connection.call("FLUSHDB")
        for key in keys:
            ours, theirs = (world.get(key, [None])[0] for world in worlds)
            if not same_value(ours, theirs, REREAD):
                raise Mismatch(f"key {key} of database {database} restored\n"
                               f"  firn  {shown(ours)}\n  redis {shown(theirs)}")


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


def about(steps, error):
    """The steps that name a key of the command that failed, and those that concern all keys."""
    first = str(error).split("\n")[0]
    names = [repr(key) for key in KEYS if repr(key) in first]
    general = ("limit", "hello", "restart", "SELECT", "SWAPDB", "FLUSH")
    return [step for step in steps
            if any(word in repr(step) for word in (*names, *general))]


def shrink(run, steps, seconds, error):
    """Leaves out what can be left out while it still fails; for as long as given."""
    flat = [(s[0], s[1], [a]) for s in steps if s[0] == "pipeline" for a in s[2]]
    if len(flat) < len(steps) * 40:
        flat = [("pipeline", s[1], [a]) if a else s for s in steps
                for a in (s[2] if s[0] == "pipeline" else [None])]
        if attempt(run, flat):
            steps = flat
    fewer = about(steps, error)
    if attempt(run, fewer):
        steps = fewer
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


def differ(seed, commands, torture=False, maxmemory=None, restarts=False, untiered=False,
           shrink_seconds=20, verbose=False):
    """One whole run; None, or a text that tells the failure."""
    options = {"appendfsync": "always" if seed % 2 else "everysec"}
    if untiered:
        options["cold_tier"] = "no"
        options["maxmemory_policy"] = "noeviction"
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
            if verbose:
                print(history(steps, first), file=sys.stderr)
        log = run.firn.log()
        run.close()
        run = make()
        run.verbose = False
        small = shrink(run, steps, shrink_seconds, first)
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
    parser.add_argument("--untiered", action="store_true", help="cold-tier no")
    parser.add_argument("--restarts", action="store_true")
    parser.add_argument("--shrink", type=int, default=60, help="seconds")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    for seed in range(options.seed, options.seed + options.rounds):
        failure = differ(seed, options.commands, options.torture, options.maxmemory,
                         options.restarts, options.untiered, options.shrink, options.verbose)
        print(failure or f"seed {seed}: equal", flush=True)
        if failure:
            sys.exit(1)


if __name__ == "__main__":
    main()
