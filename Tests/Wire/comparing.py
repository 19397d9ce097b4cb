"""Whether two servers answered the same, as far as an answer is determined."""

import re

TTL_SLACK_MS = 4000
UNORDERED = {b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"KEYS", b"HKEYS", b"HVALS"}
TIMES = {b"TTL": 1, b"PTTL": 1000, b"EXPIRETIME": 1, b"PEXPIRETIME": 1000}
# What a string that was spilled and fetched may be encoded as; collections stay what they are.
SPILLED = [{b"raw", b"embstr"}, {b"raw", b"int"}]
# What a value that was written to the log or a snapshot and read again may be encoded as.
REREAD = SPILLED + [{b"hashtable", b"listpack"}, {b"skiplist", b"listpack"},
                    {b"hashtable", b"intset"}]


class Mismatch(Exception):
    """The servers differ."""


def shown(thing):
    text = repr(thing)
    return text if len(text) <= 1500 else f"{text[:1200]} … {text[-280:]}"


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


def same_value(ours, theirs, reread):
    """Whether two values as `contents` reads them agree. How scores are written depends on the
    encoding, and a listpack has no minus zero."""
    if ours != theirs and isinstance(ours, dict) and isinstance(theirs, dict) and reread is REREAD:
        score = lambda item: (item[0], numeric(("$", item[1])))
        return dict(map(score, ours.items())) == dict(map(score, theirs.items()))
    return ours == theirs


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
            if b"LIMIT" in upper:
                return len(ours[1]) == len(theirs[1])
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
        if args[1].upper() == b"REFCOUNT":
            return {ours[1], theirs[1]} == {1, 2**31 - 1}  # Small integers are shared or not.
        if args[1].upper() == b"ENCODING":
            return {ours[1], theirs[1]} in reread
    return False


# What is compared of INFO: who found keys and who did not, errors by kind, calls by command.
COUNTS = re.compile(r"^(keyspace_hits|keyspace_misses|total_error_replies|errorstat_[^:]*):(.*)$"
                    r"|^(cmdstat_[^:]*):(calls=\d+),.*,(rejected_calls=\d+,failed_calls=\d+)", re.M)


def counts(connection):
    reply = connection.call("INFO", "stats", "errorstats", "commandstats")[1].decode()
    found = [tuple(filter(None, found)) for found in COUNTS.findall(reply.replace("\r", ""))]
    return {words[0]: words[1:] for words in found
            if words[0] not in ("cmdstat_info", "cmdstat_config|resetstat")}
