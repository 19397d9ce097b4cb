"""Random commands for the differential test: every type and option, few keys, odd values.

Everything comes from one random generator, so a seed gives the same commands again. Commands
whose reply depends on chance (SPOP and the like) are not made here but in differential.py,
which knows how to compare them."""

import random
import time

# Strings, counters, hashes, lists, sets, sorted sets, those with equal scores, HyperLogLogs, places,
# streams.
KINDS = "skhlSzxpgt"
PER_KIND = 4
KEYS = [f"{kind}{i}".encode() for kind in KINDS for i in range(PER_KIND)]
DATABASES = 3
FAR = int(time.time()) // 1_000_000 * 1_000_000 + 400_000_000

TEXTS = [b"", b"a", b"b", b"c", b"hello world", b"x" * 44, b"y" * 45, b"z" * 64, b"w" * 65,
         b"\x00\xff\r\n\x80", b"0", b"-1", b"007", b" 1", b"1 ", b"3.0", b"1e3", b"-0",
         b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
         b"18446744073709551616", b"12345678901234567890123", b"nan", b"inf", b"-inf", b"1.5e308"]
INTEGERS = [0, 1, -1, 2, 3, 5, 7, -2, -3, 10, 100, -100, 127, 128, 255, 32767, 32768, 65536, -32769,
            2147483647, -2147483649, 4294967296, 2**53, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1]
FLOATS = [b"0", b"1", b"-1", b"0.1", b"-0.5", b"3.14159265358979", b"1e10", b"1e-10", b"5.0e3",
          b"1e300", b"-0", b"0.30000000000000004", b"123456789012345678", b"inf", b"-inf", b"+inf",
          b"1.7976931348623157e308", b"2.5", b"1e21", b"1e17", b"0x10", b"1_0", b".5", b"5."]
GARBAGE = [b"", b"foo", b"nan", b"1.5x", b"9" * 30, b"\xff\xfe", b"-", b"LIMIT", b"*", b"inf",
           b"(1", b"[a", b"+", b"NX", b"COUNT", b"-9223372036854775808", b"0", b"1 2"]


class Generator:
    def __init__(self, rng, supported=None):
        self.rng = rng
        self.clock = 0
        groups = [(30, self.string), (26, self.hash), (32, self.list), (26, self.set),
                  (36, self.zset), (20, self.lex), (34, self.key), (8, self.bulk), (20, self.bit),
                  (14, self.hyperloglog), (18, self.geo), (34, self.stream), (2, self.unknown)]
        self.weights = [weight for weight, _ in groups]
        self.groups = [group for _, group in groups]
        self.supported = supported or (lambda name: True)

    # MARK: Picking

    def pick(self, *options):
        return self.rng.choice(options)

    def maybe(self, chance, *words):
        return list(words) if self.rng.random() < chance else []

    def name(self, kinds):
        """Mostly a key of one of these kinds, sometimes any."""
        if self.rng.random() < 0.06:
            kinds = KINDS.replace("x", "")  # Whose scores must stay equal.
        return f"{self.rng.choice(kinds)}{self.rng.randrange(PER_KIND)}".encode()

    def target(self, kinds):
        """A key to be overwritten: any but those whose scores are all equal."""
        return self.name(kinds.replace("x", ""))

    def names(self, kinds, most=3):
        return [self.name(kinds) for _ in range(self.rng.randint(1, most))]

    def text(self):
        roll = self.rng.random()
        if roll < 0.55:
            return self.rng.choice(TEXTS)
        if roll < 0.75:
            return str(self.rng.randint(-1000, 100000)).encode()
        if roll < 0.96:
            return self.rng.randbytes(self.rng.randrange(60))
        return (b"compressible " * 3000)[: self.rng.randrange(30000)]

    def element(self):
        roll = self.rng.random()
        if roll < 0.4:
            return bytes([97 + self.rng.randrange(12)])
        if roll < 0.7:
            return str(self.rng.randrange(-20, 40)).encode()
        if roll < 0.9:
            return self.rng.choice(TEXTS)
        return self.rng.randbytes(self.rng.randrange(80))

    def elements(self, most=4):
        return [self.element() for _ in range(self.rng.randint(1, most))]

    def integer(self):
        if self.rng.random() < 0.75:
            return self.rng.randint(-12, 30)
        return self.rng.choice(INTEGERS)

    def count(self):
        return self.rng.choice([0, 1, 1, 2, 3, 5, 10, 200, -1, -2])

    def float(self):
        if self.rng.random() < 0.6:
            return self.rng.choice([str(self.rng.randint(-10, 10)), f"{self.rng.random():.3f}"])
        return self.rng.choice(FLOATS)

    def score(self):
        if self.rng.random() < 0.85:
            return self.rng.choice([str(self.rng.randint(-10, 10)), f"{self.rng.random() * 9:.2f}"])
        return self.rng.choice(FLOATS)

    def index(self):
        return self.integer() if self.rng.random() < 0.9 else self.rng.choice(INTEGERS)

    def expiry(self):
        """Options that set a time which is either past or far away."""
        return self.pick(
            ["EX", self.rng.randrange(10_000, 10_000_000)],
            ["PX", self.rng.randrange(10_000_000, 10**10)],
            ["EXAT", FAR + self.rng.randrange(50)], ["PXAT", FAR * 1000 + self.rng.randrange(50)],
            ["EXAT", FAR], ["PXAT", self.rng.randrange(1, 10**12)],
            ["EX", self.pick(0, -1, 2**63 - 1, 9223372036854775, b"x")])

    # MARK: The types

    def string(self):
        k, v, pick = self.name("s"), self.text(), self.pick
        number = self.name("k")
        return pick(
            ["SET", k, v], ["SET", number, self.integer()],
            ["SET", k, v, *self.maybe(0.4, pick("NX", "XX")), *self.maybe(0.3, "GET"),
             *pick([], [], ["KEEPTTL"], self.expiry())],
            ["GET", self.name("sk")], ["GET", k], ["GETSET", k, v], ["GETDEL", k], ["SETNX", k, v],
            ["GETEX", k, *pick([], ["PERSIST"], self.expiry())],
            ["SETEX", k, pick(100_000, 0, -5, b"z", FAR), v],
            ["PSETEX", k, pick(100_000_000, 0, -5), v],
            ["APPEND", self.name("sk"), v], ["STRLEN", self.name("sk")],
            ["SETRANGE", k, pick(0, 1, 5, 10, 100, -1, 2**63 - 1, 2**29), v[:200]],
            ["GETRANGE", k, self.index(), self.index()],
            ["SUBSTR", k, self.index(), self.index()],
            ["INCR", number], ["DECR", number], ["INCRBY", number, self.integer()],
            ["DECRBY", number, self.integer()], ["INCRBYFLOAT", number, self.float()],
            ["INCRBYFLOAT", self.name("k"), f"{self.rng.uniform(-100, 100)}"],
            ["MGET", *self.names("skh", 5)],
            ["MSET", *[x for key in self.names("s") for x in (key, self.text())]],
            ["MSETNX", *[x for key in self.names("s") for x in (key, self.text())]],
            ["LCS", k, self.name("s"), *pick([], ["LEN"], ["IDX"], ["IDX", "MINMATCHLEN", 2],
                                             ["IDX", "WITHMATCHLEN"], ["LEN", "IDX"])])

    def bit(self):
        k, pick, rng = self.name("s"), self.pick, self.rng
        offset = pick(0, 1, 7, 8, 63, 100, 1000, rng.randrange(300), -1, 2**32, "x")
        unit = lambda: self.maybe(0.7, pick("BIT", "BYTE", "BIT", "bit", "x"))
        return pick(
            ["SETBIT", k, offset, pick(0, 1, 1, 2)], ["GETBIT", self.name("sk"), offset],
            ["SETBIT", k, rng.randrange(500), pick(0, 1)],
            ["SETBIT", k, rng.randrange(200_000), 1],
            ["BITCOUNT", k], ["BITCOUNT", self.name("sk"), self.index(), self.index(), *unit()],
            ["BITPOS", k, pick(0, 1), *pick([], [self.index()], [self.index(), self.index(), *unit()])],
            ["BITPOS", k, pick(0, 1), rng.randint(-300, 300), rng.randint(-300, 300), "BIT"],
            ["BITOP", pick("AND", "OR", "XOR", "XOR"), self.target("s"), *self.names("ssk")],
            ["BITOP", "NOT", self.target("s"), *self.names("s", pick(1, 1, 1, 2))],
            ["BITFIELD", k, *[w for _ in range(rng.randint(0, 5)) for w in self.field_operation()]],
            ["BITFIELD_RO", k, *[w for _ in range(rng.randint(0, 3))
                                 for w in ("GET", self.field_type(), self.field_offset())]])

    def field_type(self):
        if self.rng.random() < 0.03:
            return self.pick("u64", "i65", "u0", "q8", "i", "u-1")
        return self.pick(f"u{self.rng.randint(1, 63)}", f"i{self.rng.randint(1, 64)}", "u8", "i8")

    def field_offset(self):
        return self.pick(0, self.rng.randrange(200), f"#{self.rng.randrange(12)}",
                         self.rng.randrange(200), *self.maybe(0.1, -1, "x", "#-1", 2**33))

    def field_operation(self):
        """One of BITFIELD's operations, numbers near the ends of the field among its values."""
        value = self.pick(self.integer(), self.rng.randint(-300, 300),
                          self.rng.randint(-(2**63), 2**63 - 1), 2**self.rng.randrange(63),
                          -(2**self.rng.randrange(64)))
        where = [self.field_type(), self.field_offset()]
        return self.pick(["GET", *where], ["SET", *where, value], ["INCRBY", *where, value],
                         ["OVERFLOW", self.pick("WRAP", "SAT", "FAIL"), "INCRBY", *where, value],
                         ["OVERFLOW", self.pick("SAT", "fail", "x"), "SET", *where, value])

    def hyperloglog(self):
        k, pick, rng = self.name("p"), self.pick, self.rng
        elements = lambda most: [rng.randrange(10**rng.randint(1, 6))
                                 for _ in range(rng.randint(0, most))]
        return pick(
            ["PFADD", k, *elements(4)], ["PFADD", k, *elements(4)], ["PFADD", k, *elements(40)],
            ["PFADD", k, *self.elements(3)], ["PFADD", k, *elements(pick(200, 3000))],
            ["PFCOUNT", k], ["PFCOUNT", k], ["PFCOUNT", *self.names("ppppps", 4)],
            ["PFMERGE", self.target("p"), *self.names("p")], ["GET", k], ["STRLEN", k],
            ["PFDEBUG", pick("ENCODING", "DECODE", "DECODE", "TODENSE", "x"), k],
            ["PFDEBUG", "GETREG", k], ["OBJECT", "ENCODING", k], ["DEL", k],
            *[["SETRANGE", k, rng.randrange(40), rng.randbytes(2)]] * (rng.random() < 0.2))

    def place(self):
        if self.rng.random() < 0.03:
            return [self.float(), self.float()]
        low, high, north = self.pick((-180, 180, 85), (10, 20, 45), (179.5, 180, 1), (-180, -179, 85))
        return [repr(self.rng.uniform(low, high)), repr(self.rng.uniform(-north, north))]

    def geo(self):
        k, pick, rng, member = self.name("g"), self.pick, self.rng, self.element()
        unit = lambda: pick("m", "km", "km", "KM", "ft", "mi", *self.maybe(0.05, "x"))
        length = lambda: pick(0, 1, 100, 2000, f"{rng.uniform(0, 5000):.3f}", 10**rng.randrange(8),
                              *self.maybe(0.1, self.float()))
        order, count = self.maybe(0.6, pick("ASC", "DESC")), rng.randint(1, 6)
        limit = pick([], [], ["COUNT", count], ["COUNT", count, "ANY"], *self.maybe(0.1, ["ANY"]))
        # Which of those that are equally far away are taken is not determined.
        stored = [*order, *pick([], ["COUNT", count, "ANY"])] if not order else order
        shown = [w for w in ("WITHDIST", "WITHCOORD", "WITHHASH") if rng.random() < 0.3]
        center = pick(["FROMMEMBER", member], ["FROMLONLAT", *self.place()])
        shape = pick(["BYRADIUS", length(), unit()], ["BYBOX", length(), length(), unit()])
        keep = [pick("STORE", "STOREDIST"), self.target("zg")]
        return pick(
            ["GEOADD", k, *self.maybe(0.3, pick("NX", "XX", "CH", "ch")),
             *[w for e in self.elements(6) for w in (*self.place(), e)]],
            ["GEOADD", k, *self.place(), member],
            ["GEOPOS", k, *self.elements()], ["GEOHASH", k, *self.elements()],
            ["GEODIST", k, member, self.element(), *self.maybe(0.5, unit())],
            ["GEOSEARCH", k, *center, *shape, *order, *limit, *shown],
            ["GEOSEARCH", k, *center, *shape, *order, *limit, *shown],
            ["GEOSEARCHSTORE", self.target("zg"), k, *center, *shape, *stored,
             *self.maybe(0.4, "STOREDIST")],
            [pick("GEORADIUS", "GEORADIUS_RO"), k, *self.place(), length(), unit(), *order, *limit,
             *shown],
            [pick("GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"), k, member, length(), unit(), *order,
             *limit, *shown],
            ["GEORADIUS", k, *self.place(), length(), unit(), *stored, *keep],
            ["GEORADIUSBYMEMBER", k, member, length(), unit(), *stored, *keep],
            ["ZRANGE", k, 0, -1, "WITHSCORES"], ["ZREM", k, member])

    def entry_id(self):
        """Few milliseconds, few numbers in them, and what is no ID."""
        rng = self.rng
        if rng.random() < 0.04:
            return self.pick("-", "+", "$", ">", "x", "0", "5-", "-5", "+3-+2", "5--05", " 7", "1-2-3",
                             "18446744073709551615-18446744073709551615", "18446744073709551616-1",
                             "9223372036854775808-1")
        now = self.clock // 12
        ms = max(0, now - rng.randrange(12)) if rng.random() < 0.7 else rng.randrange(now + 3)
        return self.pick(f"{ms}", f"{ms}-{rng.randrange(4)}", f"{ms}-0")

    def new_id(self):
        """Mostly greater than those before: the generator's own clock."""
        self.clock += self.rng.choice([0, 0, 1, 1, 2])
        if self.rng.random() < 0.05:
            return self.entry_id()
        return f"{self.clock // 12}-*"

    def trimming(self):
        pick, rng = self.pick, self.rng
        rule = [pick("MAXLEN", "MINID"), *pick([], ["="], ["~"], ["~"])]
        rule.append(pick(0, 1, 5, 10, rng.randrange(60), -1, "x") if rule[0] == "MAXLEN"
                    else self.entry_id() if rng.random() < 0.5 else self.clock // 12 - rng.randrange(10))
        return [*rule, *self.maybe(0.2, "LIMIT", pick(0, 1, 3, 10, -1))]

    def stream(self):
        """Times are 0 or far away where they decide about something."""
        k, pick, rng, ids = self.name("t"), self.pick, self.rng, self.entry_id
        group, consumer, new = pick("g", "h", "x"), pick("a", "b", "c"), self.new_id()
        parts = lambda: pick(["f", self.text()], ["f", self.element(), "n", self.integer()],
                             ["f", "1", "n", "2"], [self.element(), self.text()],
                             [w for e in self.elements() for w in (e, self.element())])
        add = lambda: ["XADD", k, new, *parts()]
        some = [ids() for _ in range(rng.randint(1, 4))]
        edge = lambda: pick("-", "+", ids(), "(" + ids(), ids(), "(x")
        count = self.maybe(0.6, "COUNT", pick(1, 2, 3, 10, 0, -1))
        options = [w for part in (
            self.maybe(0.3, "IDLE", pick(0, 10**8)), self.maybe(0.2, "TIME", pick(1, 10**12)),
            self.maybe(0.3, "RETRYCOUNT", pick(0, 3, -1)), self.maybe(0.5, "FORCE"),
            self.maybe(0.4, "JUSTID"), self.maybe(0.2, "LASTID", ids())) for w in part]
        return pick(
            add(), add(), add(), add(), ["XADD", k, *self.trimming(), new, *parts()],
            ["XADD", k, "NOMKSTREAM", new, *parts()], ["XLEN", k],
            ["XTRIM", k, *self.trimming()], ["XDEL", k, *some], ["XDEL", k, *some],
            ["XRANGE", k, edge(), edge(), *count], ["XREVRANGE", k, edge(), edge(), *count],
            ["XRANGE", k, "-", "+"], ["XREVRANGE", k, "+", "-"],
            ["XREAD", *count, *self.maybe(0.1, "BLOCK", 1), "STREAMS", k, self.name("t"),
             pick(ids(), "$"), pick(ids(), "0")],
            ["XSETID", k, pick(f"{self.clock // 12}-{rng.randrange(9)}", ids()),
             *self.maybe(0.3, "ENTRIESADDED", pick(3, 100, 1000)),
             *self.maybe(0.3, "MAXDELETEDID", ids())],
            ["XGROUP", "CREATE", k, group, pick("$", "0", ids()), *self.maybe(0.6, "MKSTREAM"),
             *self.maybe(0.2, "ENTRIESREAD", pick(0, 5, -1, -2))],
            ["XGROUP", "SETID", k, group, pick("$", "0", ids()),
             *self.maybe(0.3, "ENTRIESREAD", pick(0, 5, -1, 100))],
            *[["XGROUP", "DESTROY", k, group]] * (rng.random() < 0.1),
            ["XGROUP", pick("CREATECONSUMER", "DELCONSUMER"), k, group, consumer],
            *[["XREADGROUP", "GROUP", group, consumer, *count, *self.maybe(0.2, "NOACK"),
               *self.maybe(0.05, "BLOCK", 1), "STREAMS", k, pick(">", ">", ">", "0", ids())]] * 4,
            ["XREADGROUP", "GROUP", "g", consumer, *count, "STREAMS", k, self.name("t"), ">", ">"],
            ["XACK", k, group, *some],
            ["XCLAIM", k, group, consumer, pick(0, 0, 10**9), *some, *options],
            ["XAUTOCLAIM", k, group, consumer, pick(0, 0, 10**9), edge(), *count,
             *self.maybe(0.4, "JUSTID")],
            ["XPENDING", k, group],
            ["XPENDING", k, group, *self.maybe(0.2, "IDLE", pick(0, 10**9)), edge(), edge(),
             pick(0, 1, 10, 100, -1), *self.maybe(0.4, consumer)],
            ["XINFO", "STREAM", k], ["XINFO", "STREAM", k, "FULL", *count], ["XINFO", "GROUPS", k],
            ["XINFO", "CONSUMERS", k, group])

    def hash(self):
        k, f, pick = self.name("h"), self.element(), self.pick
        pairs = [x for e in self.elements() for x in (e, self.text())]
        return pick(
            ["HSET", k, *pairs], ["HSET", k, *pairs], ["HMSET", k, *pairs],
            ["HSETNX", k, f, self.text()], ["HGET", k, f], ["HMGET", k, *self.elements()],
            ["HDEL", k, *self.elements()], ["HLEN", k], ["HSTRLEN", k, f], ["HEXISTS", k, f],
            ["HGETALL", k], ["HKEYS", k], ["HVALS", k],
            ["HINCRBY", k, pick(b"n", b"m", f), self.integer()],
            ["HINCRBYFLOAT", k, pick(b"n", b"m", f), self.float()])

    def list(self):
        k, pick, end = self.name("l"), self.pick, lambda: self.pick("LEFT", "RIGHT")
        return pick(
            ["LPUSH", k, *self.elements()], ["RPUSH", k, *self.elements()],
            ["RPUSH", k, *self.elements(), self.text()],
            ["LPUSHX", k, *self.elements()], ["RPUSHX", k, self.element()],
            ["LPOP", k], ["RPOP", k], ["LPOP", k, self.count()], ["RPOP", k, self.count()],
            ["LLEN", k], ["LINDEX", k, self.index()], ["LRANGE", k, self.index(), self.index()],
            ["LRANGE", k, 0, -1], ["LSET", k, self.index(), self.text()],
            ["LREM", k, pick(0, 1, -1, 2, -2), self.element()],
            ["LTRIM", k, self.index(), self.index()], ["LTRIM", k, pick(0, 1, -40), pick(30, -1)],
            ["LINSERT", k, pick("BEFORE", "AFTER"), self.element(), self.text()],
            ["LMOVE", k, self.name("l"), end(), end()], ["RPOPLPUSH", k, self.name("l")],
            ["LMPOP", 2, k, self.name("l"), end(), *self.maybe(0.4, "COUNT", self.count())],
            ["LPOS", k, self.element(), *self.maybe(0.4, "RANK", pick(1, 2, -1, -2, 0)),
             *self.maybe(0.4, "COUNT", pick(0, 1, 2, -1)), *self.maybe(0.2, "MAXLEN", pick(0, 5))],
            self.sort())

    def sort(self):
        pick = self.pick
        key = self.name("llSz")
        by = pick([], [], ["BY", "k*"], ["BY", "h*->n"], ["BY", "nosort"])
        alpha = self.maybe(0.7, "ALPHA")
        ordered = by != ["BY", "nosort"] and not (by and alpha)
        limit = self.maybe(0.3 * ordered, "LIMIT", pick(0, 1, 2), pick(3, -1))
        words = [key, *by, *limit, *self.maybe(0.3, "GET", pick("s*", "h*->n", "#")),
                 *self.maybe(0.2, "GET", "#"), *pick([], ["ASC"], ["DESC"]),
                 *alpha]
        if not ordered:
            return ["SORT", *words]  # The order is not determined, see `equal`.
        return pick(["SORT", *words], ["SORT_RO", *words], ["SORT", *words, "STORE", self.target("l")])

    def set(self):
        k, pick = self.name("S"), self.pick
        return pick(
            ["SADD", k, *self.elements()], ["SADD", k, *self.elements(8)],
            ["SADD", k, *[self.rng.randrange(100) for _ in range(5)]],
            ["SREM", k, *self.elements()], ["SMEMBERS", k], ["SCARD", k],
            ["SISMEMBER", k, self.element()], ["SMISMEMBER", k, *self.elements()],
            ["SMOVE", k, self.name("S"), self.element()],
            [pick("SINTER", "SUNION", "SDIFF"), *self.names("S")],
            [pick("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"), self.target("S"), *self.names("S")],
            ["SINTERCARD", 2, k, self.name("S"), *self.maybe(0.4, "LIMIT", pick(0, 1, 3, -1))])

    def bound(self):
        return self.pick(b"-inf", b"+inf", self.score(), self.score(), b"(" + str(
            self.rng.randint(-8, 8)).encode(), b"(1.5", b"x")

    def limit(self):
        return self.maybe(0.3, "LIMIT", self.pick(0, 1, 2, -1), self.pick(0, 2, 10, -1))

    def zset(self):
        k, pick, member = self.name("z"), self.pick, self.element()
        pairs = [x for e in self.elements() for x in (self.score(), e)]
        options = [*self.maybe(0.3, pick("NX", "XX")), *self.maybe(0.3, pick("GT", "LT")),
                   *self.maybe(0.3, "CH")]
        scores = self.maybe(0.5, "WITHSCORES")
        return pick(
            ["ZADD", k, *pairs], ["ZADD", k, *pairs], ["ZADD", k, *options, *pairs],
            ["ZADD", k, *options, "INCR", self.score(), member],
            ["ZCARD", k], ["ZSCORE", k, member], ["ZMSCORE", k, *self.elements()],
            ["ZCOUNT", k, self.bound(), self.bound()], ["ZINCRBY", k, self.score(), member],
            [pick("ZRANK", "ZREVRANK"), k, member], ["ZREM", k, *self.elements()],
            ["ZRANGE", k, self.index(), self.index(), *self.maybe(0.3, "REV"), *scores],
            ["ZRANGE", k, 0, -1, "WITHSCORES"],
            ["ZRANGE", k, self.bound(), self.bound(), "BYSCORE", *self.maybe(0.3, "REV"),
             *self.limit(), *scores],
            ["ZREVRANGE", k, self.index(), self.index(), *scores],
            [pick("ZRANGEBYSCORE", "ZREVRANGEBYSCORE"), k, self.bound(), self.bound(), *scores,
             *self.limit()],
            [pick("ZPOPMIN", "ZPOPMAX"), k, *self.maybe(0.5, pick(0, 1, 2, 5, -1))],
            ["ZMPOP", 2, k, self.name("z"), pick("MIN", "MAX"), *self.maybe(0.4, "COUNT", pick(1, 3, 0))],
            ["ZREMRANGEBYRANK", k, self.index(), self.index()],
            ["ZREMRANGEBYSCORE", k, f"{self.rng.randint(-9, 9)}", pick("(4", "5", "-3", "x")],
            self.algebra())

    def algebra(self):
        pick = self.pick
        name = pick("ZUNION", "ZINTER", "ZDIFF")
        keys = [self.name("zzzS") for _ in range(self.rng.randint(1, 3))]
        options = [] if name == "ZDIFF" else [
            *self.maybe(0.4, "WEIGHTS", *[self.score() for _ in keys]),
            *self.maybe(0.4, "AGGREGATE", pick("SUM", "MIN", "MAX"))]
        return pick(
            [name, len(keys), *keys, *options, *self.maybe(0.5, "WITHSCORES")],
            [name + "STORE", self.target("z"), len(keys), *keys, *options],
            ["ZINTERCARD", len(keys), *keys, *self.maybe(0.4, "LIMIT", pick(0, 1, -1))],
            ["ZRANGESTORE", self.target("z"), self.name("z"), self.index(), self.index(),
             *self.maybe(0.3, "REV")],
            ["ZRANGESTORE", self.target("z"), self.name("z"), self.bound(), self.bound(), "BYSCORE",
             *self.limit()])

    def edge(self):
        return self.pick(b"-", b"+", b"[a", b"(c", b"[f", b"(", b"[", b"x", b"[" + self.element())

    def lex(self):
        k = f"x{self.rng.randrange(PER_KIND)}".encode()
        pick, low, high = self.pick, self.edge(), self.edge()
        return pick(
            ["ZADD", k, *[x for e in self.elements(8) for x in (0, e)]],
            ["ZADD", k, 0, self.element()], ["ZRANGEBYLEX", k, low, high, *self.limit()],
            ["ZREVRANGEBYLEX", k, low, high, *self.limit()], ["ZLEXCOUNT", k, low, high],
            ["ZRANGE", k, low, high, "BYLEX", *self.maybe(0.3, "REV"), *self.limit()],
            ["ZRANGE", k, b"-", b"+", "BYLEX"], ["ZREMRANGEBYLEX", k, low, high],
            ["ZREM", k, *self.elements()], ["ZRANK", k, self.element()])

    def key(self):
        k, pick = self.name(KINDS), self.pick
        condition = [*self.maybe(0.4, pick("NX", "XX", "GT", "LT")),
                     *self.maybe(0.1, pick("XX", "GT", "LT", "NX"))]
        same = [f"x{i}".encode() for i in range(PER_KIND)]
        other = pick(*same) if k.startswith(b"x") else self.target(KINDS)
        return pick(
            ["DEL", *self.names(KINDS)], ["UNLINK", k], ["EXISTS", *self.names(KINDS)], ["TYPE", k],
            ["TOUCH", *self.names(KINDS)], [pick("RENAME", "RENAMENX"), k, other],
            ["COPY", k, other, *self.maybe(0.4, "DB", self.rng.randrange(DATABASES + 1)),
             *self.maybe(0.5, "REPLACE")],
            ["MOVE", k, self.rng.randrange(DATABASES)],
            ["EXPIRE", k, pick(self.rng.randrange(10_000, 10_000_000), -1, 2**63 - 1, b"x"), *condition],
            ["PEXPIRE", k, pick(self.rng.randrange(10**7, 10**10), 2**63 - 1), *condition],
            ["EXPIREAT", k, pick(FAR, FAR + 1, FAR + 2, FAR, 1, 0), *condition],
            ["PEXPIREAT", k, pick(FAR * 1000, FAR * 1000 + 1, FAR * 1000, 1), *condition],
            ["TTL", k], ["PTTL", k], ["EXPIRETIME", k], ["PEXPIRETIME", k], ["PERSIST", k],
            ["OBJECT", "ENCODING", k], ["OBJECT", "ENCODING", k], ["OBJECT", "IDLETIME", k],
            ["OBJECT", "FREQ", k], ["KEYS", pick(b"*", b"s*", b"[hl]*", b"?1", b"x[^1]", b"\\s0")],
            ["SELECT", pick(0, 0, 1, 2, 16, -1, b"x")], ["SWAPDB", pick(0, 1, 2, 99), pick(0, 1, 2)],
            ["ECHO", self.text()], ["PING"], ["PING", self.text()],
            *[["FLUSHDB", *pick([], ["ASYNC"], ["SYNC"], ["x"])]] * (self.rng.random() < 0.2))

    def bulk(self):
        """Collections around and past the sizes where the encoding changes."""
        size = self.rng.choice([100, 127, 128, 129, 200, 511, 512, 513, 1500])
        start, rng = self.rng.randrange(600), self.rng
        return self.pick(
            ["HSET", self.name("h"), *[x for i in range(size) for x in (f"f{start + i}", i)]],
            ["RPUSH", self.name("l"), *[rng.choice(TEXTS) + b"%d" % i for i in range(size)]],
            ["SADD", self.name("S"), *[start + i for i in range(size)]],
            ["SADD", self.name("S"), *[f"m{start + i}" for i in range(size)]],
            ["ZADD", self.name("z"), *[x for i in range(size) for x in (i % 37, f"m{start + i}")]],
            ["ZADD", f"x{rng.randrange(PER_KIND)}",
             *[x for i in range(size) for x in (0, f"{rng.choice('abcdefgh')}{start + i}")]],
            ["SREM", self.name("S"), *[start + i for i in range(size)]],
            ["HDEL", self.name("h"), *[f"f{start + i}" for i in range(size)]],
            ["ZREM", self.name("z"), *[f"m{start + i}" for i in range(size)]],
            ["LTRIM", self.name("l"), 0, 20], ["XTRIM", self.name("t"), "MAXLEN", "~", 10])

    def unknown(self):
        return self.pick(["NOSUCH"], ["NOSUCH", "a", b"b\r\nc", "d" * 200], ["GET"], ["object"],
                         ["OBJECT", "NOSUCH", "a"], ["OBJECT", "ENCODING"], ["x" * 300, 1],
                         ["EXEC"], ["DISCARD"], ["UNWATCH"], ["WATCH"], ["SELECT"])

    # MARK: The whole

    def command(self):
        """A command, now and then broken, with bytes as words."""
        while True:
            args = self.rng.choices(self.groups, self.weights)[0]()
            if self.supported(str(args[0]).upper()):
                break
        roll = self.rng.random()
        if roll < 0.012 and len(args) > 1:
            del args[self.rng.randrange(1, len(args))]
        elif roll < 0.02:
            args.insert(self.rng.randrange(1, len(args) + 1), self.rng.choice(GARBAGE))
        elif roll < 0.04 and len(args) > 2 and not str(args[1]).startswith(("x", "b'x")):
            args[self.rng.randrange(2, len(args))] = self.rng.choice(GARBAGE)
        elif roll < 0.06:
            args[0] = "".join(self.rng.choice([c.upper(), c.lower()]) for c in args[0])
        args = [a if isinstance(a, bytes) else str(a).encode() for a in args]
        # The time as an ID, and waiting for ever, are nothing to compare.
        name = args[0].upper()
        if name == b"XADD" and b"*" in args or name.startswith(b"XREAD") and b"BLOCK" in args and (
                b"0" in args[args.index(b"BLOCK") + 1 : args.index(b"BLOCK") + 2]):
            return self.command()
        return args


# MARK: Making steps


def make_steps(seed, count, supported, restarts):
    """About `count` commands as steps."""
    rng = random.Random(seed)
    generator = Generator(rng, supported)
    steps, made = [], 0
    while made < count:
        c, roll = rng.randrange(2), rng.random()
        if roll < 0.74:
            commands = [generator.command() for _ in range(rng.choice([1, 2, 4, 8, 16, 30]))]
            steps.append(("pipeline", c, commands))
            made += len(commands)
            continue
        made += 2
        if roll < 0.82:
            commands = [generator.command() for _ in range(rng.randrange(1, 8))]
            commands = [a for a in commands if a[0].upper() not in (b"EXEC", b"DISCARD")]
            between = [generator.command() for _ in range(rng.randrange(3))]
            watched = [generator.name(KINDS) for _ in range(rng.randrange(3))]
            end = b"EXEC" if rng.random() < 0.9 else b"DISCARD"
            steps.append(("multi", c, watched, between, commands, end))
            made += len(commands)
        elif roll < 0.85:
            steps.append(("spop", c, generator.name("S"), rng.choice([None, 0, 1, 2, 5, 600, -1])))
        elif roll < 0.89:
            name, kind, extra = rng.choice([
                (b"SRANDMEMBER", "S", None), (b"HRANDFIELD", "h", b"WITHVALUES"),
                (b"ZRANDMEMBER", "z", b"WITHSCORES")])
            number = rng.choice([None, 0, 1, 2, 5, 700, -1, -7, -30])
            words = [] if number is None else [b"%d" % number]
            if extra and words and rng.random() < 0.5:
                words.append(extra)
            steps.append(("random", c, [name, generator.name(kind), *words]))
        elif roll < 0.94:
            steps.append(("scan", c, scan_words(rng, generator)))
        elif roll < 0.97:
            options = rng.choice([[b"0"], [b"0", b"REPLACE"], [b"100000000", b"REPLACE"],
                                  [b"1", b"ABSTTL", b"REPLACE"], [b"0", b"REPLACE", b"FREQ", b"3"]])
            source = generator.name(KINDS)
            steps.append(("exchange", c, source, generator.target(KINDS), options))
        elif roll < 0.98:
            steps.append(("dbsize", c))
        elif roll < 0.985:
            steps.append(("block", c, *rng.choice([
                ([b"BLPOP", b"l0", b"l1", b"9"], [b"RPUSH", b"l1", b"a", b"b"]),
                ([b"BRPOP", b"l0", b"9"], [b"LPUSH", b"l0", b"1", b"2", b"3"]),
                ([b"BLMOVE", b"l0", b"l1", b"LEFT", b"RIGHT", b"9"], [b"RPUSH", b"l0", b"x"]),
                ([b"BRPOPLPUSH", b"l0", b"l0", b"9"], [b"RPUSH", b"l0", b"x", b"y"]),
                ([b"BLMPOP", b"9", b"2", b"l0", b"l2", b"LEFT", b"COUNT", b"2"],
                 [b"RPUSH", b"l2", b"x", b"y", b"z"]),
                ([b"BZPOPMIN", b"z0", b"z1", b"9"], [b"ZADD", b"z1", b"1", b"a", b"2", b"b"]),
                ([b"BZMPOP", b"9", b"1", b"z0", b"MAX"], [b"ZADD", b"z0", b"1", b"a", b"2", b"b"]),
                ([b"BLPOP", b"l0", b"0.01"], None), ([b"BZPOPMAX", b"z0", b"0.01"], None)])))
        elif roll < 0.99:
            steps.append(("expire", c, generator.name(KINDS), rng.choice([b"PEXPIRE", b"SET"])))
        elif roll < 0.994:
            steps.append(("firn", rng.choice([b"BGREWRITEAOF", b"BGSAVE", b"TYPE"])))
        elif restarts and roll < 0.996:
            steps.append(("restart",))
    return steps


def scan_words(rng, generator):
    name, kind = rng.choice([(b"SCAN", ""), (b"SCAN", ""), (b"HSCAN", "h"), (b"SSCAN", "S"),
                             (b"ZSCAN", "z")])
    words = [name] + ([generator.name(kind)] if kind else []) + [b"0"]
    if rng.random() < 0.5:
        words += [b"COUNT", rng.choice([b"1", b"3", b"10", b"1000", b"0", b"x"])]
    if rng.random() < 0.4:
        words += [b"MATCH", rng.choice([b"*", b"*1*", b"s*", b"f*", b"[a-e]"])]
    if name == b"SCAN" and rng.random() < 0.4:
        words += [b"TYPE", rng.choice([b"string", b"hash", b"zset", b"ZSET", b"nope"])]
    if rng.random() < 0.05:
        words[words.index(b"0")] = rng.choice([b"x", b"1x", b"99999999999999999999999"])
    return words
