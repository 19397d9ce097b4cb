"""Records a busy server and starts others on what a loss of power could have left of its files.

    python Tests/Wire/power.py --rounds 20 --points 200 --appendfsync always --maxmemory 2mb

A round is one recorded life of a server and many losses of power in it. Writers of several sorts
run at once; each notes, for every write, where the record stood when it was sent and when it was
acknowledged. After a loss of power at position P of the record a new server must

* start, whatever the disk made of it (power_disk.py has the rules);
* hold of each writer's history a prefix, transactions whole, that has every write which was
  acknowledged by P (`always`) or whose log was synced by P (`everysec`, `no`), and none that was
  sent after P;
* hold the same again when it is killed and started once more.

Some of these starts are recorded in turn, and cut short by another loss of power.

A point that fails is kept: its record and histories go to a directory that the error names, and
`--replay DIR --point P` builds exactly the same files again."""

import argparse
import bisect
import collections
import copy
import os
import pathlib
import pickle
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from conftest import Server
from crash import ACCOUNTS, BANK, EXPIRING, FILLER, FILLERS, HARMLESS, check_bank
from crash_model import FAR_MS, Model, contents, unit
from power_disk import Disk, Trace, read_directory
from resp import Connection, ReplyError, plain

HERE = pathlib.Path(__file__).parent
MODELS = [[0], [1], [2], [3, 4]]
BANKERS = 3
IMPORTED, PROBES = 5, 8
IMPORTS = 400
EXPIRING_KEYS = 1000


def scratch():
    """A new directory, in memory if that has room: syncs are simulated anyway."""
    shm = pathlib.Path("/dev/shm")
    roomy = shm.is_dir() and os.access(shm, os.W_OK) and shutil.disk_usage(shm).free > 4 << 30
    return pathlib.Path(tempfile.mkdtemp(prefix="firn-power-", dir=shm if roomy else None))


def library(directory):
    """Compiles the recorder."""
    compiler = next(filter(shutil.which, ["cc", "gcc", "clang"]), None)
    assert compiler, "no C compiler"
    path = directory / "recorder.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", path, HERE / "power_shim.c"],
                   check=True)
    return path


class History:
    """The writes of one writer, in order, with positions of the record around each."""

    def __init__(self):
        self.items, self.sent, self.acknowledged = [], [], []

    def add(self, item, sent, acknowledged):
        self.items.append(item)
        self.sent.append(sent)
        self.acknowledged.append(acknowledged)

    def bounds(self, required, possible):
        """How many writes must be there, and how many can be."""
        return (bisect.bisect_right(self.acknowledged, required),
                bisect.bisect_right(self.sent, possible))


class Writer(threading.Thread):
    """Writes until the round is over."""

    def __init__(self, life, seed):
        super().__init__(daemon=True)
        self.life, self.rng, self.error = life, random.Random(seed), None
        self.history = History()

    def run(self):
        try:
            connection = Connection(self.life.server.port, timeout=30)
            self.begin(connection)
            while not self.life.over.is_set():
                self.step(connection)
            connection.close()
        except Exception as error:  # Reported by the main thread.
            self.error = error

    def begin(self, connection):
        pass

    def several(self, connection, items):
        """Sends items, lists of commands each, at once; notes each when its replies are there."""
        sent = self.life.position()
        connection.send(*[args for commands, _ in items for args in commands])
        for commands, item in items:
            for args in commands:
                reply = connection.read()
                for part in reply[1] if isinstance(reply[1], list) else [reply]:
                    if part[0] == "-" and part[1] not in HARMLESS:
                        raise ReplyError(f"{args}: {part}")
            self.history.add(item, sent, self.life.position())


class ModelWriter(Writer):
    def __init__(self, life, seed, databases):
        super().__init__(life, seed)
        self.model = Model(databases)

    def begin(self, connection):
        connection.call("SELECT", self.model.at)

    def step(self, connection):
        units = [unit(self.rng, self.model) for _ in range(self.rng.choice([1, 1, 3, 10, 40]))]
        self.several(connection, [(one, one) for one in units])
        for one in units:
            self.model.apply(one)


class BankWriter(Writer):
    """Moves money; the ledger entry is written in the same transaction."""

    def __init__(self, life, seed, number):
        super().__init__(life, seed)
        self.number = number

    def begin(self, connection):
        connection.call("SELECT", BANK)

    def step(self, connection):
        items = []
        for _ in range(self.rng.choice([1, 4, 16])):
            a, b = self.rng.sample(range(ACCOUNTS), 2)
            x = self.rng.randint(1, 50)
            items.append(([("MULTI",), ("DECRBY", f"account:{a}", x),
                           ("HINCRBY", "accounts", b, x),
                           ("RPUSH", f"ledger:{self.number}", f"{a} {b} {x}"), ("EXEC",)], None))
        self.several(connection, items)


class FillerWriter(Writer):
    """Fills more than memory; each value says which write it was."""

    def begin(self, connection):
        connection.call("SELECT", FILLER)

    def step(self, connection):
        items = []
        for _ in range(self.rng.choice([1, 20, 100])):
            key = self.rng.randrange(FILLERS)
            number = len(self.history.items) + len(items) + 1
            length = self.rng.choice([20, 250, 250, 6000 if self.rng.random() < 0.03 else 250])
            items.append(([("SET", f"filler:{key}", b"%d " % number + b"." * length)], key))
        self.several(connection, items)
        time.sleep(0.003)


class ExpiringWriter(Writer):
    def begin(self, connection):
        connection.call("SELECT", EXPIRING)

    def step(self, connection):
        keys = [f"e:{self.rng.randrange(EXPIRING_KEYS)}" for _ in range(10)]
        self.several(connection, [
            ([("SET", key, b"x" * 50, "PX", self.rng.choice([5, 20, 100, 500]))], None)
            for key in keys])
        time.sleep(0.005)


class MaintenanceWriter(Writer):
    def step(self, connection):
        if self.rng.random() < 0.3:
            # Refused without a cold tier, and while one runs.
            connection.call("TIER", "COMPACT")
        connection.call(self.rng.choice(["BGREWRITEAOF", "BGREWRITEAOF", "BGSAVE", "PING"]))
        self.life.over.wait(self.rng.uniform(0, 0.15))


class Life:
    """One recorded server, from a directory that is empty or has a snapshot, to its clean end."""

    def __init__(self, seed, options, recorder, directory, seconds):
        self.directory, self.options = directory, options
        self.trace = directory / "trace"
        self.over = threading.Event()
        rng = random.Random(seed)
        self.server = Server(directory / "data", options)
        self.server.directory.mkdir()
        if rng.random() < 0.5:
            make_snapshot(self.server.directory)
        self.before = read_directory(self.server.directory)
        self.server.environment = recording(recorder, self.server.directory, self.trace,
                                            rng.choice([0, 500, 3000, 10_000]))
        self.server.start()
        number = lambda: rng.randrange(1 << 62)
        self.models = [ModelWriter(self, number(), databases) for databases in MODELS]
        self.bankers = [BankWriter(self, number(), i) for i in range(BANKERS)]
        self.filler = FillerWriter(self, number())
        writers = [*self.models, *self.bankers, self.filler, ExpiringWriter(self, number()),
                   MaintenanceWriter(self, number())]
        for writer in writers:
            writer.start()
        self.over.wait(seconds)
        self.over.set()
        for writer in writers:
            writer.join()
            assert writer.error is None, (
                f"{type(writer).__name__}: {writer.error!r}\n{self.server.log()[-3000:]}")
        assert self.server.stop() == 0, self.server.log()

    def position(self):
        return os.stat(self.trace).st_size

    def histories(self):
        return {"models": [w.history for w in self.models],
                "banks": [w.history for w in self.bankers], "filler": self.filler.history,
                "imports": IMPORTS if self.before.now else 0, "before": self.before}


def make_snapshot(directory):
    """Leaves a dump.rdb, which the recorded server will import."""
    server = Server(directory, {"appendonly": "no"}).start()
    connection = connect(server)
    connection.call("SELECT", IMPORTED)
    connection.pipeline([("SET", f"imported:{i}", b"%d" % i * 300) for i in range(IMPORTS)])
    connection.plain("SAVE")
    connection.close()
    server.stop(signal.SIGKILL)
    for path in directory.iterdir():
        if path.name != "dump.rdb":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def recording(recorder, directory, trace, sync_us):
    return {"LD_PRELOAD": str(recorder), "FIRN_POWER_DIRECTORY": str(directory),
            "FIRN_POWER_TRACE": str(trace), "FIRN_POWER_SYNC_US": str(sync_us)}


class Judge:
    """Compares a server with the histories. Points must come in rising order."""

    def __init__(self, histories):
        self.models = [Prefixes(h, d) for h, d in zip(histories["models"], MODELS)]
        self.banks, self.filler = histories["banks"], histories["filler"]
        self.imports = histories["imports"]

    def check(self, connection, required, possible):
        """`required`: what was acknowledged up to there is there; `possible`: nothing that was
        sent later is."""
        worlds = [{d: contents(connection, d) for d in m.databases} for m in self.models]
        lengths = [bank_length(connection, number) for number in range(BANKERS)]
        check_bank(connection, {f"ledger:{i}": n for i, n in enumerate(lengths)})
        versions = self.filler_versions(connection)

        def ends(required):
            """Up to where each writer came; an error if that is not far enough or too far."""
            for model, world in zip(self.models, worlds):
                yield model.history.sent, model.length(world, required, possible)
            for history, length in [*zip(self.banks, lengths), (self.filler, max(versions))]:
                low, high = history.bounds(required, possible)
                assert low <= length <= high, f"{length} writes, not {low}...{high}"
                yield history.sent, length

        for model in self.models:
            model.settle(required)
        # The log is one: a write that was acknowledged before another was sent is not lost alone.
        newest = max([sent[n - 1] for sent, n in ends(required) if n], default=0)
        if newest > required:
            list(ends(newest))
        connection.call("SELECT", IMPORTED)
        replies = connection.pipeline([("GET", f"imported:{i}") for i in range(self.imports)])
        lost = [i for i, reply in enumerate(replies) if reply[1] != b"%d" % i * 300]
        assert not lost, f"{len(lost)} imported keys: {lost[:5]}"
        wait_for_expiry(connection)
        check_sizes(connection)

    def filler_versions(self, connection):
        connection.call("SELECT", FILLER)
        replies = connection.pipeline([("GET", f"filler:{i}") for i in range(FILLERS)])
        found = [int(plain(r).split()[0]) if plain(r) else 0 for r in replies]
        expected = [0] * FILLERS
        for number, key in enumerate(self.filler.items[: max(found)], 1):
            expected[key] = number
        wrong = [(i, f, e) for i, (f, e) in enumerate(zip(found, expected)) if f != e]
        assert not wrong, f"fillers (key, found, expected) of {max(found)}: {wrong[:5]}"
        return found


def wait_for_expiry(connection):
    """Until every key whose time has come is gone; a digest has those that are still there."""
    connection.call("SELECT", EXPIRING)
    deadline = time.time() + 3
    while size := connection.plain("DBSIZE"):
        assert time.time() < deadline, f"{size} keys outlived their time"
        connection.pipeline([("EXISTS", f"e:{i}") for i in range(EXPIRING_KEYS)])


def bank_length(connection, number):
    connection.call("SELECT", BANK)
    return connection.plain("LLEN", f"ledger:{number}")


class Prefixes:
    """The databases of one model writer after any prefix of its history."""

    def __init__(self, history, databases):
        self.history, self.databases = history, databases
        self.model, self.applied = Model(databases), 0

    def settle(self, required):
        """What is required now will be required at every later point."""
        low, _ = self.history.bounds(required, 0)
        for one in self.history.items[self.applied : low]:
            self.model.apply(one)
        self.applied = max(self.applied, low)

    def length(self, worlds, required, possible):
        """The shortest prefix with these contents that is long enough."""
        low, high = self.history.bounds(required, possible)
        model, nearest = copy.deepcopy(self.model), None
        for length in range(self.applied, high + 1):
            if length > self.applied:
                model.apply(self.history.items[length - 1])
            if length < low:
                continue
            found = model.differences(worlds)
            if not found:
                return length
            nearest = found if nearest is None else min(nearest, found, key=len)
        raise AssertionError(f"databases {self.databases}: no prefix of {low}...{high} units "
                             f"fits; nearest: {nearest[:5]!r:.2000}")


def check_sizes(connection):
    for database in range(FILLER + 1):
        connection.call("SELECT", database)
        seen, cursor = set(), b"0"
        while True:
            cursor, keys = connection.plain("SCAN", cursor, "COUNT", 1000)
            seen.update(keys)
            if cursor == b"0":
                break
        size = connection.plain("DBSIZE")
        assert size == len(seen), f"database {database}: DBSIZE {size}, SCAN {len(seen)}"


class Losses:
    """Loses power again and again in one recorded life."""

    def __init__(self, trace, histories, options, seed, data, recorder, lies=None):
        self.trace, self.seed, self.recorder = trace, seed, recorder
        self.options = {**options, "enable_debug_command": "yes"}
        # Playing changes it, and a copy must not share the record's bytes.
        self.disk = Disk(trace, data, copy.deepcopy(histories["before"]), lies)
        self.judge = Judge(histories)
        self.lies = lies

    def points(self, count):
        """Half of them near what is delicate."""
        rng = random.Random(self.seed)
        near = self.trace.interesting()
        chosen = set(range(1, len(self.trace) + 1)) if count >= len(self.trace) else set()
        while len(chosen) < min(count, len(self.trace)):
            at = rng.choice(near) + rng.choice([0, 0, 1, 1, 2]) if rng.random() < 0.5 else (
                rng.randrange(len(self.trace)))
            chosen.add(min(max(at, 1), len(self.trace)))
        return sorted(chosen)

    def lose(self, point, keep=None):
        """Loses power after `point` changes, and judges what a server makes of it."""
        self.disk.advance(point)
        possible = self.trace.position(point)
        required = possible if self.options["appendfsync"] == "always" else (
            self.trace.position(self.disk.log_synced))
        rng = random.Random(f"{self.seed}:{point}")
        directory = pathlib.Path(keep) if keep else scratch()
        directory.mkdir(exist_ok=True)
        server = None
        try:
            data = directory / "data"
            self.disk.build(rng, data)
            if keep:
                shutil.copytree(data, directory / "left")
            second = None
            if rng.random() < 0.3:
                data, second = self.lose_again(rng, directory, data)
            server = Server(data, self.options).start()
            connection = connect(server)
            self.judge.check(connection, required, possible)
            if second:
                second.check(connection)
            digest = connection.plain("DEBUG", "DIGEST")
            connection.close()
            server.restart(signal.SIGKILL)
            connection = connect(server)
            again = connection.plain("DEBUG", "DIGEST")
            assert digest == again, f"recovered twice: {digest}, then {again}"
            connection.close()
        except Exception as error:
            raise Lost(f"point {point} of {len(self.trace)}: {error!r:.6000}\n"
                       f"{server.log()[-3000:] if server else ''}", point) from error
        finally:
            if server and server.process and server.process.poll() is None:
                server.stop(signal.SIGKILL)
            if not keep:
                shutil.rmtree(directory, ignore_errors=True)

    def lose_again(self, rng, directory, data):
        """Loses power once more, while a server recovers or soon after."""
        disk = Disk(None, data, read_directory(data), self.lies)
        server = Server(data, self.options)
        record = directory / "trace-again"
        server.environment = recording(self.recorder, data, record, 500)
        server.start()
        second = SecondLife(server, record)
        server.stop(signal.SIGKILL)
        disk.trace = Trace(record)
        point = rng.randint(0, len(disk.trace))
        disk.advance(point)
        again = directory / "again"
        disk.build(rng, again)
        possible = disk.trace.position(point)
        second.end(possible if self.options["appendfsync"] == "always" else 0, possible)
        return again, second


class SecondLife:
    """What a server that had recovered was seen to hold, and took on."""

    def __init__(self, server, record):
        position = lambda: os.stat(record).st_size
        connection = connect(server)
        wait_for_expiry(connection)
        self.digest = connection.plain("DEBUG", "DIGEST")
        self.seen = position()
        self.history = History()
        connection.call("SELECT", PROBES)
        for number in range(10):
            sent = position()
            connection.plain("RPUSH", "probe", number)
            self.history.add(number, sent, position())
        connection.close()

    def end(self, required, possible):
        self.low, self.high = self.history.bounds(required, possible)
        self.must_equal = possible >= self.seen

    def check(self, connection):
        connection.call("SELECT", PROBES)
        found = connection.plain("LRANGE", "probe", 0, -1)
        assert found == [b"%d" % n for n in range(len(found))], found
        assert self.low <= len(found) <= self.high, f"{len(found)}, not {self.low}...{self.high}"
        connection.plain("DEL", "probe")
        # What recovery has shown once is durable, whatever `appendfsync` is.
        digest = connection.plain("DEBUG", "DIGEST")
        assert not self.must_equal or digest == self.digest, f"{digest}, was {self.digest}"


class Lost(AssertionError):
    def __init__(self, text, point):
        super().__init__(text)
        self.point = point


def connect(server):
    """A connection to a server that has loaded everything; says why if there is none."""
    try:
        connection = Connection(server.port)
        while connection.call("PING")[0] == "-":
            time.sleep(0.005)
        return connection
    except (OSError, EOFError) as error:
        # It listens before it reads its files.
        raise AssertionError(f"the server ended, status {server.process.wait(10)}") from error


def power(seed, points, seconds=1.5, lies=None, on_failure=None, **options):
    """One life and `points` losses of power; returns how many changes were recorded.
    `on_failure`: is told of a point that fails, instead of an end there."""
    directory = scratch()
    try:
        recorder = library(directory)
        life = Life(seed, options, recorder, directory, seconds)
        trace = Trace(life.trace)
        with open(directory / "histories", "wb") as file:
            pickle.dump((life.histories(), options, seed, str(life.server.directory)), file)
        losses = Losses(trace, life.histories(), options, seed, life.server.directory, recorder,
                        lies)
        whole = Disk(trace, life.server.directory, copy.deepcopy(life.before))
        whole.advance(len(trace))
        whole.check(life.server.directory)
        for point in losses.points(points):
            try:
                losses.lose(point)
            except Lost as error:
                if not on_failure:
                    raise
                on_failure(error)
        return len(trace)
    except Lost as error:
        if lies:
            raise
        kept = pathlib.Path(tempfile.gettempdir()) / f"firn-power-{seed}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(directory, kept)
        raise Lost(f"seed {seed}, {options}: {error}\nagain with: python Tests/Wire/power.py "
                   f"--replay {kept} --point {error.point}", error.point) from error
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def replay(directory, point):
    """A point of a record that was kept; what it left stays in DIR/point-P."""
    directory = pathlib.Path(directory)
    with open(directory / "histories", "rb") as file:
        histories, options, seed, data = pickle.load(file)
    losses = Losses(Trace(directory / "trace"), histories, options, seed, data,
                    library(directory))
    keep = directory / f"point-{point}"
    shutil.rmtree(keep, ignore_errors=True)
    losses.lose(point, keep)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--rounds", type=int, default=10, help="recorded lives")
    parser.add_argument("--points", type=int, default=100, help="losses of power in each")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a life")
    parser.add_argument("--appendfsync", default="always")
    parser.add_argument("--maxmemory")
    parser.add_argument("--no-cold-tier", action="store_true")
    parser.add_argument("--lie", help="pretend that syncs of paths with this in them do nothing")
    parser.add_argument("--replay", help="directory that a failure named")
    parser.add_argument("--point", type=int, help="with --replay")
    parser.add_argument("--keep-going", action="store_true", help="count failures, do not stop")
    words = parser.parse_args()
    if words.replay:
        return replay(words.replay, words.point)
    options = {"appendfsync": words.appendfsync}
    if words.maxmemory:
        options["maxmemory"] = words.maxmemory
    if words.no_cold_tier:
        options["cold_tier"] = "no"
    lies = (lambda path: words.lie in path) if words.lie else None
    failures = []
    for number in range(words.rounds):
        seed, before = words.seed + number, len(failures)
        changes = power(seed, words.points, words.seconds, lies,
                        failures.append if words.keep_going else None, **options)
        for error in failures[before:]:
            print(f"seed {seed}, {error}", flush=True)
        print(f"seed {seed}: {changes} changes, {words.points} losses, "
              f"{len(failures) - before} failed", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
