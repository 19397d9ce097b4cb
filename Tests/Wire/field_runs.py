"""Random commands on hashes whose fields expire, and on strings that change by condition, beside a
model in Python (field_model.py).

    python Tests/Wire/field_runs.py --seed 7 --commands 200000 [--torture] [--untiered]

Times are past, far away, or so near that the run waits for them: what a command must reply is
always certain. Now and then the server is killed and started anew; then, and at the end, every value and
every time must be the model's."""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time

from conftest import Server
from field_model import EXPIRES, LEFT, Between, Model, simple
from resp import Connection

KEYS = [b"h0", b"h1", b"h2", b"h3", b"s0", b"s1", b"s2"]
FAR_MS = 4_000_000_000_000
SOON_MS = 25

# MARK: Commands


class Maker:
    def __init__(self, rng, model):
        self.rng, self.model = rng, model

    def key(self):
        rng = self.rng
        if rng.random() < 0.04:
            return rng.choice(KEYS)
        return b"h%d" % rng.randrange(4)

    def text_key(self):
        return self.rng.choice(KEYS if self.rng.random() < 0.04 else KEYS[4:])

    def field(self):
        rng = self.rng
        return b"n%d" % rng.randrange(3) if rng.random() < 0.2 else b"f%d" % rng.randrange(
            rng.choice((4, 12, 40)))

    def value(self):
        rng = self.rng
        return rng.choice((
            b"", b"1", b"a", b"%d" % rng.randrange(10**6), rng.randbytes(rng.randrange(90))))

    def far(self):
        """A form of time and a number: past or far away."""
        rng = self.rng
        return rng.choice((
            (b"EX", b"%d" % rng.randrange(10**4, 10**7)),
            (b"PX", b"%d" % rng.randrange(10**7, 10**10)),
            (b"EXAT", b"%d" % (FAR_MS // 1000 + rng.randrange(9))),
            (b"PXAT", b"%d" % (FAR_MS + rng.randrange(9))),
            (b"PXAT", b"%d" % (FAR_MS + rng.randrange(9))),
            (b"PXAT", b"%d" % rng.randrange(1, 10**12)),
            (b"EX", b"0"), (b"EXAT", b"1")))

    def named(self, count=None):
        names = [self.field() for _ in range(count or self.rng.choice((1, 1, 2, 3, 6)))]
        wrong = self.rng.random() < 0.02
        return [b"FIELDS", b"%d" % (len(names) + wrong), *names]

    def expiring(self, number=None):
        """HEXPIRE in one of its forms."""
        rng = self.rng
        form, far = self.far() if number is None else (b"PX", number)
        name = {form: name for name, form in EXPIRES.items()}[form]
        condition = [rng.choice((b"NX", b"XX", b"GT", b"LT", b"lt"))] if rng.random() < 0.4 else []
        return [name, self.key(), far, *condition, *self.named()]

    def hsetex(self, time):
        rng = self.rng
        words = []
        if rng.random() < 0.3:
            words.append(rng.choice((b"FNX", b"FXX")))
        words[rng.randrange(len(words) + 1):0] = time
        pairs = [w for _ in range(rng.choice((1, 1, 2, 4))) for w in (self.field(), self.value())]
        return [b"HSETEX", self.key(), *words, b"FIELDS", b"%d" % (len(pairs) // 2), *pairs]

    def soon(self):
        """A command that gives fields or keys a time that the run waits for."""
        number = b"%d" % SOON_MS
        return self.rng.choice((
            lambda: self.expiring(number),
            lambda: self.hsetex([b"PX", number]),
            lambda: [b"HGETEX", self.key(), b"PX", number, *self.named()],
            lambda: [b"SET", self.text_key(), self.value(), b"PX", number],
            lambda: [b"MSETEX", b"2", self.text_key(), b"x", self.text_key(), b"y",
                     b"PX", number]))()

    def command(self):
        rng = self.rng
        key, field = self.key(), self.field()
        if rng.random() < 0.25:
            return self.text_command()
        return rng.choice((
            lambda: [b"HSET", key, *[w for _ in range(rng.choice((1, 2, 9))) for w in (
                self.field(), self.value())]],
            lambda: [b"HSETNX", key, field, self.value()], lambda: [b"HGET", key, field],
            lambda: [b"HMGET", key, field, self.field()], lambda: [b"HEXISTS", key, field],
            lambda: [b"HSTRLEN", key, field], lambda: [b"HLEN", key], lambda: [b"HGETALL", key],
            lambda: [b"HKEYS", key], lambda: [b"HVALS", key],
            lambda: [b"HSCAN", key, b"0", b"COUNT", b"10000"],
            lambda: [b"HDEL", key, field, self.field()],
            lambda: [b"HINCRBY", key, b"n%d" % rng.randrange(3), b"%d" % rng.randrange(-9, 99)],
            self.expiring, self.expiring, self.expiring, self.expiring,
            lambda: [rng.choice(list(LEFT)), key, *self.named()],
            lambda: [rng.choice(list(LEFT)), key, *self.named()],
            lambda: [b"HPERSIST", key, *self.named()],
            lambda: [b"HGETDEL", key, *self.named()],
            lambda: [b"HGETEX", key, *rng.choice(((), (b"PERSIST",), self.far())), *self.named()],
            lambda: [b"HGETEX", key, *self.far(), *self.named()],
            lambda: self.hsetex(rng.choice(([], [b"KEEPTTL"], list(self.far())))),
            lambda: self.hsetex(rng.choice(([], [b"KEEPTTL"], list(self.far())))),
            lambda: self.hsetex([b"KEEPTTL", *self.far()]),
            lambda: [b"RENAME", key, self.key()], lambda: [b"COPY", key, self.key(), b"REPLACE"],
            lambda: [b"PEXPIREAT", key, b"%d" % (FAR_MS + rng.randrange(9))],
            lambda: [b"PERSIST", key], lambda: [b"TYPE", key], lambda: [b"EXISTS", key],
            *[lambda: [b"DELEX", key]] * (rng.random() < 0.3)))()

    def text_command(self):
        rng, key = self.rng, self.text_key()
        value = self.value()
        present = self.model.data.get(key, [b""])[0]
        operand = present if isinstance(present, bytes) and rng.random() < 0.6 else self.value()
        digest = self.model.digests.get(operand, b"0123456789abcdef")
        if rng.random() < 0.3:
            digest = digest.upper()
        condition = rng.choice((
            [b"IFEQ", operand], [b"IFNE", operand], [b"IFDEQ", digest], [b"IFDNE", digest]))
        time = rng.choice(([], [], [b"KEEPTTL"], [b"EX", b"%d" % rng.randrange(10**4, 10**7)],
                           [b"PXAT", b"%d" % (FAR_MS + rng.randrange(9))]))
        gets = [b"GET"] if rng.random() < 0.3 else []
        exists = rng.choice(([], [b"NX"], [b"XX"]))
        parts = rng.choice(([condition, time, gets], [gets, time, condition], [exists, time, gets]))
        several = [w for _ in range(rng.randint(1, 4)) for w in (self.text_key(), self.value())]
        return rng.choice((
            [b"SET", key, value, *[w for part in parts for w in part]],
            [b"SET", key, value, *[w for part in parts for w in part]],
            [b"SET", key, value, *condition], [b"GET", key], [b"DIGEST", key],
            [b"DELEX", key, *condition], [b"DELIFEQ", key, operand],
            [b"MSETEX", b"%d" % (len(several) // 2), *several,
             *[w for part in rng.choice(([exists, time], [time, exists])) for w in part]]))


# MARK: Running


class Difference(Exception):
    """The server is not as the model."""


class Run:
    def __init__(self, seed, options):
        self.rng = random.Random(seed)
        self.model = Model()
        self.maker = Maker(self.rng, self.model)
        self.directory = tempfile.mkdtemp(prefix="firn-wire-")
        self.server = Server(self.directory, options)
        self.server.start()
        self.connection = Connection(self.server.port)
        self.recent = []
        self.count = 0

    def close(self):
        self.connection.close()
        self.server.stop(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def send(self, commands, wrap=False):
        """Runs commands in one pipeline, or one transaction."""
        self.recent = (self.recent + commands)[-60:]
        self.count += len(commands)
        before = int(time.time() * 1000)
        if wrap:
            replies = self.connection.pipeline([[b"MULTI"], *commands, [b"EXEC"]])[-1][1]
        else:
            replies = self.connection.pipeline(commands)
        after = int(time.time() * 1000)
        for args, reply in zip(commands, replies):
            found = simple(reply)
            if args[0] == b"DIGEST":
                self.learn(args[1], found)
            wanted = self.model.reply(args, before, after)
            if args[0] in (b"HGETALL", b"HSCAN") and isinstance(found, list):
                flat = found if args[0] == b"HGETALL" else found[1]
                found = dict(zip(flat[::2], flat[1::2]))
                if len(found) * 2 != len(flat):
                    wanted = "every field once"
            elif args[0] in (b"HKEYS", b"HVALS") and isinstance(found, list):
                found = sorted(found)
            if wanted != found:
                raise Difference(f"{args}\n  firn  {found!r}\n  model {wanted!r}")

    def learn(self, key, digest):
        """The digest of a value is the server's: equal for equal values, of 16 digits."""
        value = self.model.get(key)
        if isinstance(value, bytes):
            known = self.model.digests.setdefault(value, digest)
            if known != digest or len(digest) != 16 or digest.strip(b"0123456789abcdef"):
                raise Difference(f"digest of {value}: {digest}, was {known}")

    def wait(self):
        """Lets what was given `SOON_MS` expire."""
        time.sleep((SOON_MS + 3) / 1000)
        self.model.pass_by()

    def restart(self):
        self.connection.close()
        self.server.restart(signal.SIGKILL)
        self.connection = Connection(self.server.port)

    def compare(self):
        """Every key, with every value and time."""
        keys = [key for key in KEYS]
        self.send([[b"TYPE", key] for key in keys])
        for key, (value, moment) in self.model.data.items():
            found = self.connection.call("PEXPIRETIME", key)[1]
            if found != (-1 if moment is None else Between(*moment)):
                raise Difference(f"{key} expires at {found}, model {moment}")
            if isinstance(value, bytes):
                self.send([[b"GET", key]])
            else:
                names = [b"FIELDS", b"%d" % len(value), *value]
                self.send([[b"HGETALL", key], [b"HLEN", key], [b"HPEXPIRETIME", key, *names]])
        size = self.connection.call("DBSIZE")[1]
        if size != len(self.model.data):
            raise Difference(f"{size} keys, model {sorted(self.model.data)}")

    def run(self, commands, restarts):
        rng, maker = self.rng, self.maker
        every = max(1, commands // (restarts + 1))
        restarted = 0
        while self.count < commands:
            roll = rng.random()
            if roll < 0.02:
                self.send([maker.soon() for _ in range(rng.choice((1, 3)))], rng.random() < 0.3)
                if rng.random() < 0.05 and restarts:
                    self.restart()
                self.wait()
                self.compare()
            elif roll < 0.03:
                self.compare()
            elif roll < 0.04:
                limit = rng.choice((0, 3, 8, 128))
                self.connection.call("CONFIG", "SET", "hash-max-listpack-entries", limit)
            elif roll < 0.05:
                self.connection.call("TIER", "SPILL", *rng.sample(KEYS, 3))
            elif roll < 0.053:
                self.connection.call("BGREWRITEAOF")
            else:
                # One after the other: the next may be made of what the last came to.
                many = [maker.command() for _ in range(rng.choice((1, 1, 4, 20)))]
                self.send(many, rng.random() < 0.1)
            if self.count > every * (restarted + 1) and restarted < restarts:
                restarted += 1
                self.restart()
                self.compare()
        self.restart()
        self.compare()


def differ(seed, commands, torture=False, untiered=False, maxmemory=None, restarts=4):
    """One whole run; None, or a text that tells the failure."""
    options = {"appendfsync": "everysec", "hash_max_listpack_entries": 8}
    if torture:
        options["debug_spill_every_command"] = "yes"
    if untiered:
        options["cold_tier"] = "no"
    if maxmemory:
        options["maxmemory"] = maxmemory
    run = Run(seed, options)
    try:
        run.run(commands, restarts)
        return None
    except (Difference, OSError, EOFError, AssertionError) as error:
        lines = "\n".join(repr(args)[:300] for args in run.recent)
        return (f"seed {seed}, after {run.count} commands: {type(error).__name__} {error}\n"
                f"{lines}\n{run.server.log()[-2000:]}")
    finally:
        run.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--commands", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--torture", action="store_true")
    parser.add_argument("--untiered", action="store_true", help="cold-tier no")
    options = parser.parse_args()
    for seed in range(options.seed, options.seed + options.rounds):
        failure = differ(seed, options.commands, options.torture, options.untiered,
                         restarts=options.restarts)
        print(failure or f"seed {seed}: {options.commands} commands as the model", flush=True)
        if failure:
            sys.exit(1)


if __name__ == "__main__":
    main()
