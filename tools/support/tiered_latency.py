"""Sections of `tools/bench tiered` about those who use what is in memory while others do not: the
latency of hot GETs beside cold reads and beside a flood of new keys, and the hit rate around a scan.

The hot group has fifty connections and asks for 10,000 keys a second, a tenth of what the server could
answer, and is measured from when each request was due. At full speed all groups would share the server
as they share its event loop, and the figure would be a queue's length; at this one it tells how long
the server is busy with somebody else. So the flood has a pace too, and once more none, for comparison."""

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

    def beside(*others):
        with tiered.others_paused(server):
            return tiered.client(server, hot_group(), *others)[0]

    cold = dict(connections=20, pipeline=1, count=tiered.keys - HOT_KEYS, **{"from": HOT_KEYS})
    figures = tiered.results["latency"] = {
        "alone": beside(),
        "cold": beside(group("cold", **cold)),
        "coldPipelined": beside(group("cold, pipelined", **{**cold, "pipeline": 16})),
        "again": beside(),
        "flood": beside(flood(tiered, server, FLOOD_RATE)),
        "floodUnpaced": beside(flood(tiered, server, 0)),
    }
    tiered.settle(server)
    tiered.row("hot GET alone, p50, p99", both(figures["alone"]))
    for name, what, alone, bar in (
            ("cold", "  beside 20 that read cold keys", "alone", COLD_BAR),
            ("coldPipelined", "  with pipelines of 16", "alone", None),
            ("flood", f"  beside {FLOOD_RATE:,} new keys a second", "again", FLOOD_BAR),
            ("floodUnpaced", "  beside as many as it takes", "again", None)):
        for percentile in ("p50", "p99"):
            ratio = figures[name][percentile] / figures[alone][percentile]
            tiered.row(f"{what}, {percentile}", f"{figures[name][percentile]:,.0f} µs",
                       f"alone {figures[alone][percentile]:,.0f} µs", ratio,
                       f"<= {bar}" if bar else "", ratio <= bar if bar else None)


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
