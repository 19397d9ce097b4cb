"""What `tools/bench always|recovery|snapshot` measure: syncs that clients share, restarts, and clients
beside a snapshot."""

import csv
import os
import statistics
import subprocess
import threading
import time

from .servers import Scratch

ALWAYS_BAR = 1.5
CLEAN_BAR_SECONDS, REPLAY_BAR = 1.0, 500_000
LATENCY_BAR, MEMORY_BAR = 2.0, 1.05
# Log commands behind the last checkpoint when the server is killed, by those that it holds.
REPLAYED_SHARE = 0.2


def always(bench, benchmark):
    """SETs of 64 bytes by 50 clients under `appendfsync always`."""
    requests = 60_000 // (5 if bench.arguments.quick else 1)
    with Scratch(bench.arguments.directory) as scratch, \
            bench.server("firn", scratch, appendfsync="always") as firn, \
            bench.server("redis", scratch, appendfsync="always") as redis:
        samples = []
        for i in range(bench.rounds):
            sample = {}
            for server, other in ((firn, redis), (redis, firn))[::1 if i % 2 == 0 else -1]:
                other.pause()
                sample[server.name] = benchmark(
                    server, requests, 100_000, 1, "-t", "set", "-d", "64")
                other.resume()
            samples.append(sample)
            bench.note_round(f"SET, appendfsync always, round {i + 1}", sample)
        bench.results["always"] = []
        bench.report_hot("SET, appendfsync always", 1, ALWAYS_BAR, samples,
                         bench.results["always"])


def recovery(bench):
    """From the start of the process to the first reply, with ten million keys: after a clean end, and
    after SIGKILL with a fifth as many commands in the log behind the last checkpoint."""
    keys, bench.keys = bench.keys, bench.keys * 10
    more = int(bench.keys * REPLAYED_SHARE)
    figures = {}
    try:
        for name in ("firn", "redis"):
            with Scratch(bench.arguments.directory) as scratch, \
                    bench.server(name, scratch) as server:
                bench.fill(server, 64)
                server.settle()
                server.stop()
                # Nobody else wants a core while a server starts.
                server.core = f"0-{os.cpu_count() - 1}"
                server.start()
                clean = server.start_seconds
                with server.connect() as connection:
                    connection.call("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
                bench.fill(server, 64, order=list(range(more)))
                server.kill()
                server.start()
                killed = server.start_seconds
                with server.connect() as connection:
                    if connection.call("DBSIZE") != bench.keys:
                        raise SystemExit(f"{name} lost keys")
                figures[name] = (clean, killed)
                bench.note(f"{name}: {clean:.3f} s after a clean end, {killed:.3f} s after SIGKILL")
    finally:
        bench.keys = keys
    bench.results["recovery"] = figures
    firn, redis = figures["firn"], figures["redis"]
    bench.row("start after a clean end, 10 M keys", f"{firn[0]:.3f} s", f"{redis[0]:.3f} s",
              f"{firn[0] / redis[0]:.2f}", f"<= {CLEAN_BAR_SECONDS:.0f} s",
              firn[0] <= CLEAN_BAR_SECONDS)
    bench.row("start after SIGKILL, 2 M in the log", f"{firn[1]:.3f} s", f"{redis[1]:.3f} s",
              f"{firn[1] / redis[1]:.2f}", "", None)
    rate = more / firn[1]
    bench.row("  log commands a second", f"{rate:,.0f}/s",
              f"{(keys * 10 + more) / redis[1]:,.0f}/s", "", f">= {REPLAY_BAR:,}",
              rate >= REPLAY_BAR)


def latency(server, requests, keys, core):
    """The 99th percentile of random GETs by 20 clients, in milliseconds."""
    output = subprocess.run(
        ["taskset", "-c", str(core), "redis-benchmark", "-p", str(server.port), "-n",
         str(requests), "-r", str(keys), "-c", "20", "-t", "get", "--csv"],
        capture_output=True, text=True, check=True).stdout
    return float(list(csv.reader(output.splitlines()))[-1][6])


class Watch(threading.Thread):
    """Samples the server's anonymous memory, and makes one snapshot after the other if it is to."""

    def __init__(self, server, saves):
        super().__init__(daemon=True)
        self.server, self.must_save = server, saves
        self.ends, self.saves, self.peak = threading.Event(), 0, 0

    def run(self):
        with self.server.connect() as connection:
            while not self.ends.is_set():
                if self.must_save:
                    connection.call("BGSAVE")
                    self.saves += 1
                while True:
                    self.peak = max(self.peak, self.server.resident()[0])
                    time.sleep(0.05)
                    if b"rdb_bgsave_in_progress:0" in connection.call("INFO", "persistence"):
                        break

    def during(self, measure):
        """What `measure` returns, called meanwhile; then everything has ended."""
        self.start()
        found = measure()
        self.ends.set()
        self.join()
        return found


def snapshot(bench, core):
    """Clients that read at random from a store six times larger than its memory, without and with
    BGSAVEs, one after the other."""
    requests = 200_000 // (5 if bench.arguments.quick else 1)
    with Scratch(bench.arguments.directory) as scratch, \
            bench.server("firn", scratch, maxmemory="50mb") as server:
        bench.fill(server, 200)
        server.settle()
        quiet, beside, memory, peak, saves = [], [], 0, 0, 0
        for i in range(bench.rounds):
            def measure():
                return latency(server, requests, bench.keys, core)

            idle, saving = Watch(server, False), Watch(server, True)
            quiet.append(idle.during(measure))
            beside.append(saving.during(measure))
            memory, peak = max(memory, idle.peak), max(peak, saving.peak)
            saves += saving.saves
            bench.note(f"snapshot round {i + 1}: p99 {quiet[-1]:.3f} ms, {beside[-1]:.3f} ms beside "
                       f"{saving.saves} BGSAVEs")
    ratio = statistics.median(b / q for b, q in zip(beside, quiet))
    bench.results["snapshot"] = {
        "p99": quiet, "p99Beside": beside, "memory": memory, "memoryBeside": peak, "saves": saves}
    bench.row("p99 of cold reads beside BGSAVE", f"{statistics.median(beside):.3f} ms", "",
              f"{ratio:.2f}", f"<= {LATENCY_BAR}", ratio <= LATENCY_BAR)
    bench.row("  without", f"{statistics.median(quiet):.3f} ms", "", "", "", None)
    bench.row("  anonymous memory beside it", f"{peak / 1e6:.1f} MB", "", f"{peak / memory:.2f}",
              f"<= {MEMORY_BAR}", peak <= memory * MEMORY_BAR)
