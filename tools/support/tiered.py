"""`tools/bench tiered`: data ten times larger than memory, and what that costs.

The server runs in a control group that limits its memory, page cache included, and is told nothing of
it: `maxmemory` is `auto`. Beside its figures stand those of bare LMDB under the same limit (what the
disk and LMDB allow) and of redis-server with everything in RAM (what memory allows). The client has
core 1; the server may use both, since it reads and merges on threads of their own.

    load         new keys in random order until the data is ten times the limit
    reads        GETs of keys at random, beside a bare reader of the same file
    zipf         GETs by Zipf's law with 5 % SETs, beside Firn with everything in RAM
    latency      GETs of hot keys while others read cold ones, and while new ones flood in
    scan         GETs that memory answers before, during and after a SCAN + GET of everything
    collections  a hash, a sorted set, a list, a stream, and what an element costs when they are cold
    memory       RAM a cold key

Each section makes what it needs; all but the last two share one store. With `--keep DIR` that stays,
and the next run on DIR has no need to load it: sections can then be run one at a time.
"""

import contextlib
import json
import pathlib
import shutil
import threading
import time

from . import tiered_data, tiered_latency
from .cgroup import Cgroup
from .reference import Programs, group
from .servers import Scratch, Server

SECTIONS = ["load", "reads", "zipf", "latency", "scan", "collections", "memory"]
KEY_BYTES, VALUE_BYTES = 16, 200
# A row of the cold tier: namespace, hash and key; header, type and length, value.
ROW_BYTES = (12 + KEY_BYTES, 28 + 3 + VALUE_BYTES)
# What an entry of the hot tier takes, with its place in the table.
HOT_BYTES = 250
LOAD_BAR, LOAD_SHARE_BAR, BUDGET_BAR = 150_000, 0.5, 1.1
READ_SHARE_BARS = {16: 0.8, 1: 0.65}
ZIPF_SHARE_BAR = 0.7
# Threads with which the bare reader keeps the whole disk busy; keys that it draws from.
MANY_READERS, SAMPLES = 32, 200_000
ALL_CORES, CLIENT_CORE, REDIS_CORE = "0,1", "1", "0"


def add_options(options):
    options.add_argument("--section", action="append", choices=SECTIONS, help="only this one")
    options.add_argument("--limit-mb", type=int, help="memory limit in MB (256; quick: 128)")
    options.add_argument("--maxmemory", default="auto", help="Firn's budget within it (auto)")
    options.add_argument("--times", type=int, help="data by memory limit (10; quick: 4)")
    options.add_argument("--seconds", type=float, help="length of a measurement (8; quick: 1)")
    options.add_argument("--keep", help="directory of the store that sections share")
    options.add_argument("--no-redis", action="store_true", help="without redis-server beside it")
    options.add_argument("--server-cores", default=ALL_CORES, help="Firn's cores (0,1)")
    options.add_argument("--elements", type=int, help="of a collection (200000; quick: 20000)")
    options.add_argument("--cold-keys", type=int, help="for `memory` (10000000; quick: 2000000)")


class Tiered:
    def __init__(self, bench):
        if why := Cgroup.why_not():
            raise SystemExit(f"tiered needs a memory limit: {why}")
        self.bench, arguments = bench, bench.arguments
        self.quick = arguments.quick
        self.limit = (arguments.limit_mb or (128 if self.quick else 256)) << 20
        self.times = arguments.times or (4 if self.quick else 10)
        self.keys = self.limit * self.times // (KEY_BYTES + VALUE_BYTES)
        self.seconds = arguments.seconds or (1 if self.quick else 8)
        self.results = bench.results.setdefault("tiered", {})
        self.firn = self.redis = self.ram = self.cgroup = None

    def run(self):
        with contextlib.ExitStack() as self.stack:
            self.scratch = self.stack.enter_context(Scratch(self.bench.arguments.directory))
            self.programs = Programs(self.scratch.folder("programs"))
            keep = self.bench.arguments.keep
            self.folder = pathlib.Path(keep) if keep else self.scratch.path / "firn"
            self.bench.note(f"{self.keys:,} keys of {KEY_BYTES} + {VALUE_BYTES} bytes, "
                            f"{self.times} times {self.limit >> 20} MB")
            for name in SECTIONS:
                if name in (self.bench.arguments.section or SECTIONS):
                    begun = time.monotonic()
                    getattr(self, name)()
                    self.bench.note(f"-- {name}: {time.monotonic() - begun:.0f} s")

    # Servers.

    def limited(self, folder, **options):
        """Firn in a control group of its own, and the group."""
        cgroup = self.stack.enter_context(Cgroup(self.limit))
        options = {"appendonly": "yes", "save": [""], "maxmemory": self.bench.arguments.maxmemory, **options}
        server = Server("firn", self.bench.firn, folder, options,
                        core=self.bench.arguments.server_cores, wrapper=cgroup.words())
        return self.stack.enter_context(server), cgroup

    def loaded(self):
        """Firn in its control group with all keys, its hot tier full and nothing under way."""
        if self.firn is None:
            kept = self.folder.exists()
            self.folder.mkdir(parents=True, exist_ok=True)
            self.firn, self.cgroup = self.limited(self.folder)
            self.warm() if kept else self.fill_firn()
        return self.firn

    def stop_firn(self):
        if self.firn:
            self.firn.stop()
            self.cgroup.remove()
            self.firn = None

    def fill_firn(self):
        written, peak = written_bytes(self.firn), Peak(self.cgroup)
        found = self.results["load"] = self.fill(self.firn)
        self.settle(self.firn)
        memory = self.firn.info("memory")
        found.update(anonymousPeak=peak.stop(), written=written_bytes(self.firn) - written,
                     usedPeak=int(memory["used_memory_peak"]), budget=int(memory["maxmemory"]))

    def warm(self):
        """Fills the hot tier, as that of a server which has run for a while. In the order of the store,
        because that is read quickly; which keys they are matters to no section."""
        begun, cursor = time.monotonic(), b"0"
        with self.firn.connect() as connection:
            while int(self.firn.info("memory")["used_memory"]) < 0.95 * self.budget():
                for _ in range(20):
                    cursor, keys = connection.call("SCAN", cursor, "COUNT", 1000)
                    connection.call("TIER", "FETCH", *keys)
        self.bench.note(f"warmed in {time.monotonic() - begun:.1f} s")
        self.settle(self.firn)

    def budget(self):
        """What Firn may use, in bytes."""
        return int(self.firn.info("memory")["maxmemory"])

    def settle(self, server):
        """Waits until checkpoints and merging are over, a minute at most."""
        begun = time.monotonic()
        server.settle()
        self.bench.note(f"settled after {time.monotonic() - begun:.1f} s")

    def in_ram(self, name):
        """`redis` or `ram` (which is Firn) with all keys in memory, no limit; started once, and stopped
        (SIGSTOP) but for its measurements."""
        if getattr(self, name) is None:
            with self.others_paused(None):
                executable = self.bench.firn if name == "ram" else "redis-server"
                core = self.bench.arguments.server_cores if name == "ram" else REDIS_CORE
                # The budget is never reached; the default of Firn would do, were memory large enough.
                budget = {"maxmemory": "1000gb"} if name == "ram" else {}
                server = Server(name, executable, self.scratch.folder(name),
                                {"appendonly": "yes", "save": [""], **budget}, core=core)
                self.stack.enter_context(server)
                self.results[f"{name}Load"] = self.fill(server)
                self.settle(server)
                server.pause()
                setattr(self, name, server)
        return getattr(self, name)

    def upper(self):
        """redis-server with all keys; None with --no-redis."""
        return None if self.bench.arguments.no_redis else self.in_ram("redis")

    @contextlib.contextmanager
    def others_paused(self, server):
        servers = [s for s in (self.firn, self.redis, self.ram) if s and s is not server]
        for other in servers:
            other.pause()
        if server:
            server.resume()
        yield
        if server and server is not self.firn:
            server.pause()
        if self.firn:
            self.firn.resume()

    # Requests.

    def client(self, server, *groups, seconds=None):
        """What the client says of each group, with the CPU time that the server took a request and
        the share of all requests that needed the cold tier. A wrong reply, or none, ends the run."""
        cpu, cold, begun = server.cpu_seconds(), fetched_keys(server), time.monotonic()
        try:
            found = self.programs.run("client", server.port, self.keys, VALUE_BYTES,
                                      seconds or self.seconds, *groups, cores=CLIENT_CORE)
        except SystemExit as error:
            if server is self.firn and self.cgroup.kills():
                raise SystemExit(f"Firn needed more than its {self.limit >> 20} MB and was killed by "
                                 "the kernel") from error
            raise
        elapsed = time.monotonic() - begun
        cpu = server.cpu_seconds() - cpu
        cold, requests = fetched_keys(server) - cold, sum(row["requests"] for row in found)
        for row in found:
            row.update(cpu=cpu / max(requests, 1) * 1e6, cold=cold / max(requests, 1))
            if row["wrong"] or row["missing"]:
                raise SystemExit(f"{server.name}: {row['wrong']} wrong and {row['missing']} empty "
                                 f"replies to {row['group']}")
            self.bench.note(
                f"{server.name} {row['group']}: {row['rate']:,.0f}/s, p50 {row['p50']:,.0f} "
                f"p99 {row['p99']:,.0f} p99.9 {row['p999']:,.0f} µs, {row['cpu']:.2f} µs of CPU "
                f"({cpu / elapsed:.0%}), {row['cold']:.0%} cold, client {row['busy']:.0%} busy")
        return found

    def fetched(self, server):
        return fetched_keys(server)

    def measure(self, server, name, **options):
        """One group, nothing else running."""
        with self.others_paused(server):
            return self.client(server, group(name, **options))[0]

    def fill(self, server):
        found = self.client(server, group("new keys", order="once"))[0]
        with server.connect() as connection:
            if (count := connection.call("DBSIZE")) != self.keys:
                raise SystemExit(f"{server.name} has {count:,} keys instead of {self.keys:,}")
        return found

    def row(self, what, firn, beside="", ratio=None, bar="", passed=None):
        text = "" if ratio is None else f"{ratio:.2f}"
        self.bench.row(what, firn, beside, text, bar, passed)

    # Sections.

    def load(self):
        bare = self.bare_load()
        self.stop_firn()
        shutil.rmtree(self.folder, ignore_errors=True)
        server = self.loaded()
        found, tier = self.results["load"], server.info("tiering")
        found.update(bare=bare, writeAmplification=float(tier["write_amplification"]))
        rate, redis = found["rate"], self.upper() and self.results["redisLoad"]["rate"]
        self.row(f"new keys until {self.times} times memory", f"{rate:,.0f}/s",
                 f"redis {redis:,.0f}/s" if redis else "", rate / redis if redis else None,
                 f">= {LOAD_BAR:,}/s", rate >= LOAD_BAR)
        self.share("  of bare LMDB's", rate, bare["rate"], LOAD_SHARE_BAR)
        self.row("  cold tier's write amplification", tier["write_amplification"],
                 f"bare {bare['writesARecord']:.2f}")
        self.row("  everything written, by data", f"{found['written'] / self.data_bytes():.2f}")
        fruitless = int(tier["fruitless_reads"]) / self.keys
        self.row("  new keys looked for in vain", f"{fruitless:.1%}")
        ratio = found["usedPeak"] / found["budget"]
        self.row("  used_memory at most", f"{found['usedPeak'] / 1e6:.1f} MB",
                 f"budget {found['budget'] / 1e6:.1f} MB", ratio, f"<= {BUDGET_BAR}",
                 ratio <= BUDGET_BAR)
        self.row("  resident, anonymous, at most", f"{found['anonymousPeak'] / 1e6:.1f} MB",
                 f"limit {self.limit / 1e6:.1f} MB", found["anonymousPeak"] / self.limit)

    def bare_load(self):
        folder = self.scratch.folder("bare")
        with Cgroup(self.limit) as cgroup:
            found = self.programs.run("loader", folder, self.keys, *ROW_BYTES, self.limit // 16,
                                      cores=ALL_CORES, wrapper=cgroup.words())[0]
        shutil.rmtree(folder)
        self.bench.note(f"bare loader: {json.dumps(found)}")
        return found

    def bare_read(self, threads):
        with Cgroup(self.limit) as cgroup:
            found = self.programs.run(
                "reader", self.folder / "cold", threads, self.seconds, SAMPLES, cores=ALL_CORES,
                wrapper=cgroup.words())[0]
        self.bench.note(f"bare reader, {threads} threads: {json.dumps(found)}")
        return found

    def data_bytes(self):
        return self.keys * (KEY_BYTES + VALUE_BYTES)

    def share(self, what, firn, beside, bar):
        ratio = firn / beside
        self.row(what, f"{firn:,.0f}/s", f"bare {beside:,.0f}/s", ratio, f">= {bar}", ratio >= bar)

    def reads(self):
        server = self.loaded()
        found = self.results["reads"] = {
            pipeline: self.measure(server, f"GET at random, pipeline {pipeline}", pipeline=pipeline)
            for pipeline in READ_SHARE_BARS}
        self.stop_firn()
        bare, many = (self.bare_read(threads) for threads in (2, MANY_READERS))
        found.update(bare=bare, bareMany=many)
        self.row(f"GET at random, bare, {MANY_READERS} threads", "", f"bare {many['rate']:,.0f}/s")
        for pipeline, bar in READ_SHARE_BARS.items():
            self.share(f"GET at random, pipeline {pipeline}", found[pipeline]["rate"],
                       bare["rate"], bar)
            self.row(f"  p50, p99 ({found[pipeline]['cold']:.0%} cold)", times(found[pipeline]))
            if redis := self.upper():
                beside = self.measure(redis, f"GET at random, P{pipeline}", pipeline=pipeline)
                self.row("  redis-server, all in RAM", "", f"redis {beside['rate']:,.0f}/s",
                         found[pipeline]["rate"] / beside["rate"])

    def zipf(self):
        """Over all keys, and over as many as half of the budget holds: there the hot set surely fits."""
        server = self.loaded()
        fitting = self.budget() // 2 // HOT_BYTES
        results = self.results["zipf"] = {}
        for what, count in (("all keys", self.keys), ("those that fit", fitting)):
            for pipeline in (16, 1):
                options = dict(order="zipf", reads=95, count=count, pipeline=pipeline)
                self.measure(server, f"warming for {what}", **options)
                found = self.measure(server, f"Zipf of {what}, P{pipeline}", **options, seed=2)
                ram = self.in_ram("ram")
                beside = self.measure(ram, f"Zipf of {what}, P{pipeline}", **options, seed=2)
                results[f"{what}, {pipeline}"] = {"limited": found, "inRAM": beside}
                ratio = found["rate"] / beside["rate"]
                self.row(f"Zipf, 95 % reads, {what}, pipeline {pipeline}", f"{found['rate']:,.0f}/s",
                         f"in RAM {beside['rate']:,.0f}/s", ratio, f">= {ZIPF_SHARE_BAR}",
                         ratio >= ZIPF_SHARE_BAR)
                self.row(f"  p99, p99.9 ({found['cold']:.0%} cold)", times(found, "p99", "p999"),
                         times(beside, "p99", "p999"))

    def latency(self):
        tiered_latency.latency(self)

    def scan(self):
        tiered_latency.scan(self)

    def collections(self):
        tiered_data.collections(self)

    def memory(self):
        tiered_data.memory(self)


class Peak(threading.Thread):
    """Samples what a group's memory holds beside the page cache."""

    def __init__(self, cgroup):
        super().__init__(daemon=True)
        self.cgroup, self.most, self.ends = cgroup, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ends.wait(0.05):
            with contextlib.suppress(OSError):  # The group is gone when a run ends by an error.
                self.most = max(self.most, self.cgroup.anonymous())

    def stop(self):
        self.ends.set()
        self.join()
        return self.most


def fetched_keys(server):
    """Keys that commands have had from the cold tier."""
    return 0 if server.name == "redis" else int(server.info("tiering")["fetched_keys"])


def written_bytes(server):
    """What the process has had written to the disk: log, runs, merging."""
    for line in pathlib.Path(f"/proc/{server.process.pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    return 0


def times(found, *names):
    return ", ".join(f"{found[name] / 1e3:.2f} ms" for name in names or ("p50", "p99"))
