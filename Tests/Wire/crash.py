"""Kills a busy server again and again and checks what the next one finds.

    python Tests/Wire/crash.py --rounds 200 --appendfsync everysec --maxmemory 2mb

Writers of three sorts run at once: some change databases of their own with every sort of command
(crash_model.py says what must be found), some move money between shared accounts in MULTI and
keep a ledger beside it, one sets keys that expire at known times. Snapshots and checkpoints are
asked for all the time. A killed process loses nothing that it was told to write, whatever
`appendfsync` is; only a killed machine may. FLUSHALL has runs of its own (`--flushall`)."""

import argparse
import collections
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from conftest import Server
from crash_model import Model, contents, unit
from differential import RedisServer
from resp import Connection, ReplyError, plain

BANK, EXPIRING, FILLER = 6, 7, 9
ACCOUNTS = 30
FILLERS = 3000
HARMLESS = (b"ERR no such key", b"ERR source and destination objects are the same")


class Writer(threading.Thread):
    """Sends batches until the connection breaks; remembers what was acknowledged."""

    def __init__(self, crash, seed):
        super().__init__(daemon=True)
        self.crash, self.rng, self.error = crash, random.Random(seed), None

    def run(self):
        try:
            connection = Connection(self.crash.server.port, timeout=30)
            self.write(connection)
        except (OSError, EOFError) as error:
            if not self.crash.killed.is_set():
                self.error = error
        except Exception as error:  # Reported by the main thread.
            self.error = error


class ModelWriter(Writer):
    """Changes databases of its own; `batch` is what was not acknowledged as a whole."""

    def __init__(self, crash, seed, model):
        super().__init__(crash, seed)
        self.model, self.batch, self.acknowledged = model, [], 0

    def write(self, connection):
        connection.call("SELECT", self.model.at)
        while True:
            count = self.rng.choice([1, 1, 3, 10, 40])
            self.acknowledged = 0
            self.batch = [unit(self.rng, self.model) for _ in range(count)]
            connection.send(*[args for unit in self.batch for args in unit])
            for one in self.batch:
                for _ in one:
                    reply = connection.read()
                    for part in reply[1] if isinstance(reply[1], list) else [reply]:
                        if part[0] == "-" and part[1] not in HARMLESS:
                            raise ReplyError(f"{one}: {part}")
                self.acknowledged += 1
            for one in self.batch:
                self.model.apply(one)
            self.batch = []

    def settle(self, connection):
        """Finds the prefix that survived and brings the model to it."""
        worlds = {d: contents(connection, d) for d in self.model.databases}
        for one in self.batch[: self.acknowledged]:
            self.model.apply(one)
        tried = []
        for one in [None, *self.batch[self.acknowledged :]]:
            if one:
                self.model.apply(one)
            tried.append(self.model.differences(worlds))
            if not tried[-1]:
                self.batch = []
                return
        raise AssertionError(
            f"databases {self.model.databases}: after {self.acknowledged} acknowledged of "
            f"{len(self.batch)} units no prefix fits; nearest: {min(tried, key=len)[:5]!r:.3000}\n"
            f"{self.batch!r:.3000}")


class BankWriter(Writer):
    """Moves money; the ledger entry is written in the same transaction."""

    def __init__(self, crash, seed, name):
        super().__init__(crash, seed)
        self.ledger, self.acknowledged = f"ledger:{name}", 0

    def write(self, connection):
        connection.call("SELECT", BANK)
        while True:
            count = self.rng.choice([1, 4, 16])
            for _ in range(count):
                a, b = self.rng.sample(range(ACCOUNTS), 2)
                x = self.rng.randint(1, 50)
                connection.send(("MULTI",), ("DECRBY", f"account:{a}", x),
                                ("HINCRBY", "accounts", b, x),
                                ("RPUSH", self.ledger, f"{a} {b} {x}"), ("EXEC",))
            for _ in range(count):
                for _ in range(4):
                    connection.read()
                length = plain(connection.read())[2]
                self.acknowledged = length


class ExpiringWriter(Writer):
    """Sets keys that expire soon; `times` has the expiry times of those acknowledged."""

    def __init__(self, crash, seed, times, number):
        super().__init__(crash, seed)
        self.times, self.number = times, number

    def write(self, connection):
        connection.call("SELECT", EXPIRING)
        while True:
            now = int(time.time() * 1000)
            batch = {f"{self.number}:{i}".encode(): now + self.rng.choice([20, 300, 1000, 3000])
                     for i in range(self.rng.randrange(1_000_000), 1_000_000 + 10, 99_991)}
            connection.send(*[("SET", k, b"x" * 50, "PXAT", t) for k, t in batch.items()])
            for key, expiry in batch.items():
                self.times.pop(key, None)
                if plain(connection.read()) == b"OK":
                    self.times[key] = expiry


class MaintenanceWriter(Writer):
    def write(self, connection):
        while True:
            connection.call(self.rng.choice(["BGREWRITEAOF", "BGSAVE", "BGREWRITEAOF", "PING"]))
            self.crash.killed.wait(self.rng.uniform(0, 0.08))


class Crash:
    """One directory with its succession of servers."""

    def __init__(self, seed, options, seconds=1.2, flushall=False):
        self.seconds, self.flushall = seconds, flushall
        self.rng = random.Random(seed)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="firn-wire-"))
        self.server = Server(self.directory / "data", options)
        self.server.directory.mkdir()
        self.killed = threading.Event()
        self.models = [Model([0]), Model([1]), Model([2]), Model([3, 4])]
        if flushall:
            self.models = [Model(range(FILLER + 1), owns_all=True)]
        self.ledgers = collections.Counter()
        self.times = {}
        self.round_number = 0
        self.server.start()
        self.has_filler = "maxmemory" in options and not flushall
        if self.has_filler:
            connection = Connection(self.server.port)
            connection.call("SELECT", FILLER)
            connection.pipeline([("SET", f"filler:{i}", b"%d" % i * 250) for i in range(FILLERS)])
            connection.close()

    def close(self):
        if self.server.process.poll() is None:
            self.server.stop(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def load(self):
        """Starts the writers, kills the server at a random moment, checks the writers' fate."""
        self.killed.clear()
        seed = lambda: self.rng.randrange(1 << 62)
        self.round_number += 1
        bank = [] if self.flushall else [BankWriter(self, seed(), i) for i in range(3)]
        self.model_writers = [ModelWriter(self, seed(), model) for model in self.models]
        writers = [*bank, *self.model_writers, MaintenanceWriter(self, seed())]
        if not self.flushall:
            writers.append(ExpiringWriter(self, seed(), self.times, self.round_number))
        for writer in writers:
            writer.start()
        self.killed.wait(self.seconds * self.rng.choice([0.02, 0.2, 0.5, 1]) * self.rng.random())
        if self.server.process.poll() is not None or b"*** Signal" in self.server.log_path.read_bytes():
            self.server.process.wait(60)
            raise AssertionError("the server ended by itself")
        self.killed.set()
        self.server.stop(signal.SIGKILL)
        for writer in writers:
            writer.join()
            assert writer.error is None, f"{type(writer).__name__}: {writer.error!r}"
        for writer in bank:
            self.ledgers[writer.ledger] = max(self.ledgers[writer.ledger], writer.acknowledged)

    def start(self):
        if self.rng.random() < 0.3:
            # Killed once more while it starts.
            process = subprocess.Popen(self.server.arguments(), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(self.rng.random() * 0.06)
            process.kill()
            process.wait()
        self.server.start()

    def connect(self):
        connection = Connection(self.server.port)
        while connection.call("PING")[0] == "-":
            time.sleep(0.01)
        return connection

    def check(self):
        connection = self.connect()
        self.check_expiring(connection)
        self.check_writers(connection)
        connection.close()
        if self.rng.random() < 0.4:
            self.server.restart(self.rng.choice([signal.SIGKILL, signal.SIGTERM]))
            connection = self.connect()
            self.check_writers(connection)
            connection.close()

    def check_writers(self, connection):
        for writer in self.model_writers:
            writer.settle(connection)
        if not self.flushall:
            check_bank(connection, self.ledgers)
        self.check_sizes(connection)

    def check_expiring(self, connection):
        connection.call("SELECT", EXPIRING)
        keys = list(self.times)
        before = time.time() * 1000
        found = connection.pipeline([("EXISTS", key) for key in keys])
        after = time.time() * 1000
        for key, reply in zip(keys, found):
            if reply[1] and self.times[key] < before - 1:
                raise AssertionError(f"{key} outlived its time by {before - self.times[key]} ms")
            if not reply[1] and self.times[key] > after + 1:
                raise AssertionError(f"{key} went {self.times[key] - after} ms before its time")
        self.times = {k: t for k, t in self.times.items() if t > before}

    def check_sizes(self, connection):
        for database in range(FILLER + 1):
            connection.call("SELECT", database)
            deadline = time.time() + 10
            while True:
                seen, cursor = set(), b"0"
                while True:
                    cursor, keys = connection.plain("SCAN", cursor, "COUNT", 1000)
                    seen.update(keys)
                    if cursor == b"0":
                        break
                size = connection.plain("DBSIZE")
                if size == len(seen):
                    break
                # Only keys that expire meanwhile may make a difference.
                assert database == EXPIRING and time.time() < deadline, (
                    f"database {database}: DBSIZE {size}, SCAN {len(seen)}")
            assert database != FILLER or not self.has_filler or size == FILLERS

    def check_filler(self):
        if not self.has_filler:
            return
        connection = Connection(self.server.port)
        connection.call("SELECT", FILLER)
        replies = connection.pipeline([("GET", f"filler:{i}") for i in range(FILLERS)])
        for i, reply in enumerate(replies):
            assert reply[1] == b"%d" % i * 250, f"filler:{i}: {reply!r:.200}"

    def check_snapshot(self):
        """A snapshot taken under load is a point in time: the bank balances in it, in Redis."""
        writers = [BankWriter(self, self.rng.random(), i) for i in range(3)]
        self.killed.clear()
        for writer in writers:
            writer.start()
        connection = Connection(self.server.port)
        waiting = lambda: b"rdb_bgsave_in_progress:1" in connection.plain("INFO", "persistence")
        deadline = time.time() + 30
        while waiting():
            assert time.time() < deadline, "BGSAVE did not end"
        saved = connection.plain("LASTSAVE")
        dump = self.server.directory / "dump.rdb"
        dump.unlink(missing_ok=True)
        connection.plain("BGSAVE")
        while waiting() or not dump.exists():
            assert time.time() < deadline, "BGSAVE did not end"
        assert connection.plain("LASTSAVE") >= saved
        self.killed.set()
        self.server.stop(signal.SIGKILL)
        for writer in writers:
            writer.join()
            assert writer.error is None, writer.error
        copy = self.directory / "copy"
        copy.mkdir()
        shutil.copy(dump, copy / "dump.rdb")
        redis = RedisServer(copy)
        try:
            other = Connection(redis.port)
            check_bank(other, self.ledgers)
            other.close()
        finally:
            redis.stop()


def check_bank(connection, ledgers):
    """Every transfer is there as a whole or not at all, and those acknowledged are there."""
    connection.call("SELECT", BANK)
    expected, incoming = collections.Counter(), collections.Counter()
    for ledger in [f"ledger:{i}" for i in range(3)]:
        lines = connection.plain("LRANGE", ledger, 0, -1)
        assert len(lines) >= ledgers[ledger], f"{ledger}: {len(lines)} of {ledgers[ledger]}"
        for line in lines:
            a, b, x = map(int, line.split())
            expected[a] -= x
            incoming[b] += x
    fields = connection.plain("HGETALL", "accounts")
    found = {int(f): int(v) for f, v in zip(fields[::2], fields[1::2])}
    assert found == dict(incoming), f"{found} is not {dict(incoming)}"
    for a in range(ACCOUNTS):
        balance = int(connection.plain("GET", f"account:{a}") or 0)
        assert balance == expected[a], f"account:{a}: {balance}, ledger {expected[a]}"


def crash(seed, rounds, seconds=1.2, flushall=False, **options):
    """Many rounds on one directory; an error names the round and shows the server's output."""
    run, number = Crash(seed, options, seconds, flushall), 0
    try:
        for number in range(rounds):
            run.load()
            run.start()
            run.check()
        run.check_filler()
        if not flushall:
            run.check_snapshot()
    except Exception as error:
        raise AssertionError(f"seed {seed}, round {number}, {options}: {error!r:.6000}\n"
                             f"{run.server.log()[-9000:]}") from error
    finally:
        run.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=1.2, help="longest life of a server")
    parser.add_argument("--appendfsync", default="everysec")
    parser.add_argument("--maxmemory")
    parser.add_argument("--torture", action="store_true")
    parser.add_argument("--no-cold-tier", action="store_true")
    parser.add_argument("--flushall", action="store_true",
                        help="one writer has all databases, and empties them now and then")
    words = parser.parse_args()
    options = {"appendfsync": words.appendfsync}
    if words.maxmemory:
        options["maxmemory"] = words.maxmemory
    if words.torture:
        options["debug_spill_every_command"] = "yes"
    if words.no_cold_tier:
        options["cold_tier"] = "no"
    crash(words.seed, words.rounds, words.seconds, words.flushall, **options)
    print(f"seed {words.seed}: {words.rounds} rounds, nothing lost")


if __name__ == "__main__":
    sys.exit(main())
