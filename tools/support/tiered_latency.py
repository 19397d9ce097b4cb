"""Sections of `tools/bench tiered` about those who use what is in memory while others do not: the
latency of hot GETs beside cold reads and beside a flood of new keys, and the hit rate around a scan.

The hot group has fifty connections and asks for 10,000 keys a second, a tenth of what the server could
answer, and is measured from when each request was due. At full speed all groups would share the server
as they share its event loop, and the figure would be a queue's length; at this one it tells how long
the server is busy with somebody else. So the flood has a pace too, and once more none, for comparison.

What the group needs alone is measured twice, before and between the others and for twice as long, and
the better figure of both counts: whatever else the machine does can only add to it. Before that each
hot key is read once, or those that chance leaves out would count as keys that nobody uses."""

import re
import time

from .reference import group
from .resp import request

HOT_KEYS, HOT_RATE, FLOOD_RATE = 20_000, 10_000, 75_000
COLD_BAR, FLOOD_BAR = 1.5, 2.5
# During the scan, how often the hit rate is taken.
PORTIONS = 10
# As in tiered.py.
HOT_BYTES = 250


def hot_group():
    return group("hot", connections=50, pipeline=1, count=HOT_KEYS, rate=HOT_RATE, seed=3)


def latency(tiered):
    server = tiered.loaded()
    tiered.client(server, group("making hot", order="once", count=HOT_KEYS))
    read_all(server)
    tiered.settle(server)

    def beside(*others, seconds=None):
        with tiered.others_paused(server):
            before = tiered.fetched(server)
            found = tiered.client(server, hot_group(), *others, seconds=seconds)[0]
        return {**found, "fetched": tiered.fetched(server) - before}

    def alone():
        return beside(seconds=2 * tiered.seconds)

    cold = dict(connections=20, pipeline=1, count=tiered.keys - HOT_KEYS, **{"from": HOT_KEYS})
    figures = tiered.results["latency"] = {
        "alone": alone(),
        "cold": beside(group("cold", **cold)),
        "coldPipelined": beside(group("cold, pipelined", **{**cold, "pipeline": 16})),
        "again": alone(),
        "flood": beside(flood(tiered, server, FLOOD_RATE)),
        "floodUnpaced": beside(flood(tiered, server, 0)),
    }
    tiered.settle(server)
    best = {name: min(figures["alone"][name], figures["again"][name]) for name in ("p50", "p99")}
    tiered.row("hot GET alone, p50, p99", both(best),
               f"{both(figures['alone'])}; {both(figures['again'])}")
    for name, what, bar in (
            ("cold", "  beside 20 that read cold keys", COLD_BAR),
            ("coldPipelined", "  with pipelines of 16", None),
            ("flood", f"  beside {FLOOD_RATE:,} new keys a second", FLOOD_BAR),
            ("floodUnpaced", "  beside as many as it takes", None)):
        for percentile, alone in best.items():
            ratio = figures[name][percentile] / alone
            tiered.row(f"{what}, {percentile}", f"{figures[name][percentile]:,.0f} µs",
                       f"alone {alone:,.0f} µs", ratio,
                       f"<= {bar}" if bar else "", ratio <= bar if bar else None)
    tiered.row("  hot GETs from the disk beside the paced flood", f"{figures['flood']['fetched']:,}",
               f"of {figures['flood']['gets']:,}")


def read_all(server):
    """Reads each hot key once."""
    with server.connect() as connection:
        for first in range(0, HOT_KEYS, 500):
            keys = range(first, first + 500)
            connection.send(b"".join(request(b"GET", b"key:%012d" % key) for key in keys))
            for _ in keys:
                connection.reply()


def flood(tiered, server, rate):
    """New keys behind those that there are, for as long as other measurements take; without a rate, as
    many as 150,000 a second would be."""
    with server.connect() as connection:
        first = connection.call("DBSIZE")
    return group("flood", order="once", count=int((rate or 150_000) * 2 * tiered.seconds), rate=rate,
                 **{"from": first})


def both(found):
    return f"{found['p50']:,.0f}, {found['p99']:,.0f} µs"


def scan(tiered):
    """The hit rate of GETs by Zipf's law over as many keys as half of the budget holds. During the
    scan it is taken after each tenth, for a moment in which nothing is scanned, since INFO cannot
    tell whose hits are whose."""
    server = tiered.loaded()
    with server.connect() as connection:
        left = connection.call("DBSIZE")
    count = tiered.budget() // 2 // HOT_BYTES
    readers = group("readers", order="zipf", count=count, pipeline=16, seed=4)

    def hit_rate(seconds):
        return 1 - tiered.client(server, readers, seconds=seconds)[0]["cold"]

    hit_rate(2 * tiered.seconds)
    before, during, begun, scanning, found = hit_rate(tiered.seconds), [], time.monotonic(), 0, 0
    with server.connect() as connection:
        cursor, portion, scanned = b"0", left // PORTIONS + 1, 0
        while True:
            start = time.monotonic()
            cursor, keys = connection.call("SCAN", cursor, "COUNT", 1000)
            connection.send(b"".join(request(b"GET", key) for key in keys))
            for _ in keys:
                found += connection.reply() is not None
            scanning += time.monotonic() - start
            scanned += len(keys)
            if cursor == b"0":
                break
            if scanned >= portion * (len(during) + 1):
                during.append(hit_rate(tiered.seconds / 8))
    after = hit_rate(tiered.seconds)
    tiered.results["scan"] = {"before": before, "during": during, "after": after,
                              "keys": scanned, "found": found, "seconds": scanning}
    if found < left:
        raise SystemExit(f"SCAN + GET found {found:,} keys of {left:,}")
    tiered.row("hit rate before SCAN + GET of all", f"{before:.1%}")
    tiered.row("  during, at the worst", f"{min(during):.1%}")
    tiered.row("  after", f"{after:.1%}")
    tiered.row("  keys scanned and read", f"{scanned / scanning:,.0f}/s")
