"""Sections of `tools/bench tiered` about what else is cold: large collections, and the RAM that cold keys
take."""

import statistics
import time

from .reference import group
from .resp import Disconnected, ReplyError, request
from .servers import Server

ELEMENT_BYTES = 100
RAM_BAR = 1.5
PROBES = 100


def element(i):
    return b"element:%012d" % i


def filler(i):
    return (b"%d:" % i * ELEMENT_BYTES)[:ELEMENT_BYTES]


# Type, the words that add element i, and commands that look at one of `n` elements.
COLLECTIONS = [
    ("hash", "HSET", lambda i: (element(i), filler(i)),
     [("HGET", lambda k, i, n: ("HGET", k, element(i)))]),
    ("sorted set", "ZADD", lambda i: (b"%d" % i, element(i)),
     [("ZSCORE", lambda k, i, n: ("ZSCORE", k, element(i))),
      ("ZRANK", lambda k, i, n: ("ZRANK", k, element(i))),
      ("ZRANGE of 10", lambda k, i, n: ("ZRANGE", k, i, i + 9))]),
    ("list", "RPUSH", lambda i: (filler(i),),
     [("LINDEX", lambda k, i, n: ("LINDEX", k, i)),
      ("LRANGE of 10", lambda k, i, n: ("LRANGE", k, i, i + 9))]),
    ("stream", "XADD", lambda i: (b"%d-1" % (i + 1), b"field", filler(i)),
     [("XRANGE of 10", lambda k, i, n: ("XRANGE", k, f"{i + 1}-1", "+", "COUNT", 10))]),
]


def collections(tiered):
    """Each is built, moved to the cold tier, and asked for elements at random. Every probe but the
    first would find it in memory if that is where the first one took it; so it is spilled before
    each, and what is reported is the cost of one command on a cold collection."""
    count = tiered.bench.arguments.elements or (20_000 if tiered.quick else 200_000)
    tiered.stop_firn()
    server, cgroup = tiered.limited(tiered.scratch.folder("collections"))
    results = tiered.results["collections"] = {"elements": count}
    with server.connect() as connection:
        connection.call("SET", "one", filler(0))
        single = probe(connection, "one", lambda k, i, n: ("GET", k), count)
    tiered.row("cold GET of one key, median", f"{single * 1e6:,.0f} µs")
    for kind, command, words, probes in COLLECTIONS:
        try:
            with server.connect() as connection:
                rate = build(connection, kind, command, words, count)
                tiered.row(f"{kind} of {count:,} elements", f"{rate:,.0f}/s")
                for name, make in probes:
                    cost = probe(connection, kind, make, count)
                    results[f"{kind}, {name}"] = cost
                    tiered.row(f"  {name}, cold", f"{cost * 1e6:,.0f} µs",
                               f"GET {single * 1e6:,.0f} µs", cost / single)
        except (Disconnected, ReplyError, OSError) as error:
            tiered.row(f"{kind} of {count:,} elements", "failed")
            tiered.bench.note(f"{kind}: {error}; {cgroup.kills()} killed for want of memory")
            if server.process.poll() is not None:
                return
    memory = server.info("memory")
    used, budget = int(memory["used_memory_peak"]), int(memory["maxmemory"])
    tiered.row("  used_memory at most", f"{used / 1e6:.1f} MB", f"budget {budget / 1e6:.1f} MB",
               used / budget, "<= 1.1", used <= 1.1 * budget)
    server.stop()
    cgroup.remove()


def build(connection, kind, command, words, count):
    """Elements a second, in pipelines of a few hundred."""
    begun, each = time.monotonic(), 1 if command == "XADD" else 100
    for start in range(0, count, 10_000):
        numbers = range(start, min(start + 10_000, count))
        requests = [
            request(command, kind, *(word for i in numbers[at:at + each] for word in words(i)))
            for at in range(0, len(numbers), each)]
        for reply in connection.exchange(b"".join(requests), len(requests)):
            if isinstance(reply, ReplyError):
                raise reply
    return count / (time.monotonic() - begun)


def probe(connection, key, make, count):
    """The median time of one command on a cold key, in seconds; for ten seconds at most."""
    taken, begun = [], time.monotonic()
    for i in range(PROBES):
        connection.call("TIER", "SPILL", key)
        while connection.call("TIER", "LOCATE", key) != [b"cold"]:
            time.sleep(0.001)
        start = time.monotonic()
        if connection.call(*make(key, (i * 7919) % count, count)) in (None, []):
            raise ReplyError(f"{key} lacks an element")
        taken.append(time.monotonic() - start)
        if time.monotonic() - begun > 10:
            break
    return statistics.median(taken)


def memory(tiered):
    """Anonymous memory of a server that was started anew, with a million cold keys and with ten; the
    difference is what nine million take, everything counted."""
    wanted = tiered.bench.arguments.cold_keys or (2_000_000 if tiered.quick else 10_000_000)
    counts = [wanted // 10, wanted]
    tiered.stop_firn()
    resident, filters = [], 0
    server = Server("firn", tiered.bench.firn, tiered.scratch.folder("memory"),
                    {"appendonly": "yes", "save": [""], "maxmemory": f"{64 + wanted // 400_000}mb"},
                    core=tiered.bench.arguments.server_cores)
    with server:
        begun = 0
        for count in counts:
            found = tiered.programs.run(
                "client", server.port, count, 8, 0,
                group("small keys", order="once", count=count - begun, **{"from": begun}),
                cores="1")[0]
            tiered.bench.note(f"small new keys: {found['rate']:,.0f}/s")
            begun = count
            tiered.settle(server)
            server.stop()
            server.start()
            fields = server.info("tiering")
            if int(fields["keys_cold"]) != count:
                raise SystemExit(f"{fields['keys_cold']} cold keys instead of {count}")
            tiered.settle(server)
            resident.append(server.resident()[0])
            filters = int(server.info("tiering")["filter_bytes"]) / count
            tiered.bench.note(f"{count:,} cold keys: {resident[-1] / 1e6:.1f} MB anonymous, "
                              f"filters {filters:.2f} bytes a key, start {server.start_seconds:.2f} s")
        server.stop()
    each = (resident[1] - resident[0]) / (counts[1] - counts[0])
    tiered.results["memory"] = {"keys": counts, "resident": resident, "filterBytes": filters}
    worst = max(each, filters)
    tiered.row(f"RAM a cold key, {counts[1]:,} keys", f"{worst:.2f} B", "", None, f"<= {RAM_BAR} B",
               worst <= RAM_BAR)
    tiered.row("  of which filters", f"{filters:.2f} B")
