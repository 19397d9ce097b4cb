"""Values for random commands: keys, texts, numbers and IDs, among them those at the ends of what
is allowed and those past them. The commands that they go into are in grammar.py.

Every method answers a word as bytes, or a list of such words."""

import time

# Strings, counters, hashes, lists, sets, sorted sets, those with equal scores, HyperLogLogs,
# places, streams.
KINDS = "skhlSzxpgt"
PER_KIND = 4
KEYS = [f"{kind}{i}".encode() for kind in KINDS for i in range(PER_KIND)]
EQUAL_SCORES = {f"x{i}".encode() for i in range(PER_KIND)}
DATABASES = 3
FAR = int(time.time()) // 1_000_000 * 1_000_000 + 400_000_000

TEXTS = [b"", b"a", b"b", b"c", b"hello world", b"x" * 44, b"y" * 45, b"z" * 64, b"w" * 65,
         b"\x00\xff\r\n\x80", b"0", b"-1", b"007", b" 1", b"1 ", b"3.0", b"1e3", b"-0", b"10",
         b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
         b"18446744073709551616", b"12345678901234567890123", b"nan", b"inf", b"-inf", b"1.5e308",
         b"\x01\x02", b"12", b"13", b"4095", b"4096", b"-4097", b"32768", b"8388608", b"2147483648"]
# No number here, nor any ID below, is out of range for strtod or strtoull: after one that is, SORT
# of Redis 7.0 refuses every element, because it looks at an errno that it has not cleared.
INTEGERS = [0, 1, -1, 2, 3, 5, 7, -2, -3, 10, 100, -100, 127, 128, 255, 32767, 32768, 65536, -32769,
            2147483647, -2147483649, 4294967296, 2**53, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1]
FLOATS = [b"0", b"1", b"-1", b"0.1", b"-0.5", b"3.14159265358979", b"1e10", b"1e-10", b"5.0e3",
          b"1e300", b"-0", b"0.30000000000000004", b"123456789012345678", b"inf", b"-inf", b"+inf",
          b"1.7976931348623157e308", b"2.5", b"1e21", b"1e17", b"0x10", b"1_0", b".5", b"5.",
          b"nan", b" 1", b"1 ", b"", b"0.1e1", b"+1", b"Infinity"]
GARBAGE = [b"", b"foo", b"nan", b"1.5x", b"9" * 19, b"\xff\xfe", b"-", b"LIMIT", b"*", b"inf",
           b"(1", b"[a", b"+", b"NX", b"XX", b"GT", b"COUNT", b"GET", b"STORE", b"WITHSCORES",
           b"REV", b"-9223372036854775808", b"0", b"-1", b"1 2", b"1", b"~", b"MAXLEN", b"REPLACE",
           b"ANY"]


class Picking:
    def __init__(self, rng):
        self.rng = rng
        # Of streams: what entries get instead of the time of day.
        self.clock = 0

    def pick(self, *options):
        return self.rng.choice(options)

    def number(self, low, high):
        return b"%d" % self.rng.randint(low, high)

    # MARK: Keys

    def key(self, kinds=KINDS):
        """Mostly a key of one of these kinds, sometimes any."""
        if self.rng.random() < 0.05:
            kinds = KINDS.replace("x", "")  # Whose scores must stay equal.
        return f"{self.rng.choice(kinds)}{self.rng.randrange(PER_KIND)}".encode()

    def to(self, kinds=KINDS):
        """A key to be overwritten: any but those whose scores are all equal."""
        return self.key(kinds.replace("x", ""))

    def keys(self, kinds=KINDS):
        return [self.key(kinds) for _ in range(self.rng.choice((1, 1, 2, 3, 5)))]

    def counted(self, kinds=KINDS):
        """The number of keys and the keys."""
        keys = self.keys(kinds)
        count = len(keys)
        if self.rng.random() < 0.06:
            count = self.pick(0, -1, count + 1, count - 1, 2**31, 2**63 - 1)
        return [b"%d" % count, *keys]

    def weighted(self, kinds):
        """The same and a weight for each, now and then one too many."""
        words = self.counted(kinds)
        weights = [self.score() for _ in words[self.rng.random() < 0.97:]]
        return [*words, b"WEIGHTS", *weights]

    def pair(self, kinds):
        """A key and one that may take its name."""
        key = self.key(kinds)
        other = self.rng.choice(sorted(EQUAL_SCORES)) if key in EQUAL_SCORES else self.to(KINDS)
        return [key, other]

    def database(self):
        return self.pick(b"0", b"0", b"1", b"2", *[b"16", b"-1", b"x", b"99"] * (
            self.rng.random() < 0.1))

    def near(self):
        """One of the databases in use."""
        return b"%d" % self.rng.randrange(DATABASES + 1)

    # MARK: Texts

    def text(self):
        roll = self.rng.random()
        if roll < 0.55:
            return self.rng.choice(TEXTS)
        if roll < 0.75:
            return self.number(-1000, 100000)
        if roll < 0.96:
            return self.rng.randbytes(self.rng.randrange(80))
        return (b"compressible " * 3000)[: self.rng.randrange(30000)]

    def element(self):
        roll = self.rng.random()
        if roll < 0.4:
            return bytes([97 + self.rng.randrange(12)])
        if roll < 0.7:
            return self.number(-20, 39)
        if roll < 0.9:
            return self.rng.choice(TEXTS)
        return self.rng.randbytes(self.rng.randrange(80))

    def garbage(self):
        return self.rng.choice(GARBAGE)

    def glob(self):
        return self.pick(b"*", b"s*", b"[hl]*", b"?1", b"x[^1]", b"\\s0", b"*[0-2]", b"[^a-r]?",
                         b"[z-a]*", b"**1**", b"l[", b"", b"\\", b"[a-", b"nosuch*", b"?", b"[s",
                         b"s[0")

    # MARK: Numbers

    def integer(self):
        if self.rng.random() < 0.75:
            return self.number(-12, 30)
        return b"%d" % self.rng.choice(INTEGERS)

    def index(self):
        if self.rng.random() < 0.9:
            return self.number(-12, 30)
        return b"%d" % self.rng.choice(INTEGERS)

    def count(self):
        return self.pick(b"0", b"1", b"1", b"2", b"3", b"5", b"10", b"200", b"-1", b"-2")

    def float(self):
        roll = self.rng.random()
        if roll < 0.3:
            return self.number(-10, 10)
        if roll < 0.6:
            return f"{self.rng.random():.3f}".encode()
        if roll < 0.75:
            return repr(self.rng.uniform(-100, 100)).encode()
        return self.rng.choice(FLOATS)

    def score(self):
        roll = self.rng.random()
        if roll < 0.5:
            return self.number(-10, 10)
        if roll < 0.85:
            return f"{self.rng.random() * 9:.2f}".encode()
        return self.rng.choice(FLOATS)

    def bound(self):
        """An end of a range of scores."""
        return self.pick(b"-inf", b"+inf", self.score(), self.score(), 
                         b"(" + self.number(-8, 8), b"(1.5",
                         *[b"x", b"(", b"((1", b"(inf", b"(-inf", b"(nan"] * (
                             self.rng.random() < 0.15))

    def edge(self):
        """An end of a range of members."""
        return self.pick(b"-", b"+", b"[a", b"(c", b"[f", b"(", b"[", b"[" + self.element(),
                         b"(" + self.element(), *[b"x", b"", b"(+"] * (self.rng.random() < 0.1))

    def ttl(self):
        """EX, PX, EXAT, PXAT with a time which is either past or far away."""
        return list(self.pick(
            (b"EX", self.number(10_000, 10_000_000)), (b"PX", self.number(10_000_000, 10**10)),
            (b"EXAT", b"%d" % (FAR + self.rng.randrange(50))),
            (b"PXAT", b"%d" % (FAR * 1000 + self.rng.randrange(50))), (b"EXAT", b"%d" % FAR),
            (b"PXAT", self.number(1, 10**12)), (b"EXAT", b"1"),
            (self.pick(b"EX", b"PX", b"EXAT", b"PXAT"), self.pick(
                b"0", b"-1", b"9223372036854775807", b"9223372036854775", b"x", b"9223372036854776",
                b"-9223372036854775808", b"1.5", b""))))

    def seconds(self):
        return self.pick(self.number(10_000, 10_000_000), self.number(10_000, 10_000_000),
                         b"%d" % FAR, b"-1", b"0", b"9223372036854775807", b"-9223372036854775808",
                         b"9223372036854775", b"x", b"1.5")

    def milliseconds(self):
        return self.pick(self.number(10**7, 10**10), self.number(10**7, 10**10), b"-1", b"0",
                         b"9223372036854775807", b"-9223372036854775808", b"x")

    def at_seconds(self):
        return self.pick(*[b"%d" % (FAR + i) for i in (0, 0, 1, 2)], b"1", b"0", b"-5",
                         b"9223372036854775807", b"9223372036854775", b"x")

    def at_milliseconds(self):
        return self.pick(*[b"%d" % (FAR * 1000 + i) for i in (0, 0, 1, 2)], b"1", b"0", b"-5",
                         b"9223372036854775807", b"x")

    # MARK: Bits, HyperLogLogs, places

    def offset(self):
        return self.pick(b"0", b"1", b"7", b"8", b"63", b"100", b"1000", self.number(0, 300),
                         self.number(0, 300), *[b"-1", b"4294967296", b"x", b"200000"] * (
                             self.rng.random() < 0.1))

    def field_type(self):
        if self.rng.random() < 0.03:
            return self.pick(b"u64", b"i65", b"u0", b"q8", b"i", b"u-1", b"", b"i 8", b"U8")
        return self.pick(b"u" + self.number(1, 63), b"i" + self.number(1, 64), b"u8", b"i8")

    def field_offset(self):
        return self.pick(b"0", self.number(0, 199), b"#" + self.number(0, 11), self.number(0, 199),
                         *[b"-1", b"x", b"#-1", b"8589934592", b"#x"] * (self.rng.random() < 0.1))

    def field_value(self):
        """Numbers near the ends of the field among them."""
        rng = self.rng
        return self.pick(self.integer(), self.number(-300, 300), self.number(-(2**63), 2**63 - 1),
                         b"%d" % 2**rng.randrange(63), b"%d" % -(2**rng.randrange(64)))

    def visitors(self):
        """Many elements of a HyperLogLog."""
        rng = self.rng
        return [b"%d" % rng.randrange(10**rng.randint(1, 6))
                for _ in range(rng.randrange(rng.choice((4, 4, 4, 40, 200, 3000))))]

    def bytes2(self):
        return self.rng.randbytes(2)

    def place(self):
        if self.rng.random() < 0.03:
            return [self.float(), self.float()]
        low, high, north = self.pick(
            (-180, 180, 85), (10, 20, 45), (179.5, 180, 1), (-180, -179, 85))
        return [repr(self.rng.uniform(low, high)).encode(),
                repr(self.rng.uniform(-north, north)).encode()]

    def distance(self):
        return self.pick(b"0", b"1", b"100", b"2000", f"{self.rng.uniform(0, 5000):.3f}".encode(),
                         b"%d" % 10**self.rng.randrange(8),
                         *[self.float(), b"-1"] * (self.rng.random() < 0.1))

    # MARK: Streams

    def entry_id(self):
        """Few milliseconds, few numbers in them, and what is no ID."""
        rng = self.rng
        if rng.random() < 0.04:
            return self.pick(
                b"-", b"+", b"$", b">", b"x", b"0", b"5-", b"-5", b"+3-+2", b"5--05", b" 7",
                b"1-2-3", b"18446744073709551615-18446744073709551615",
                b"9223372036854775808-1", b"0-0", b"")
        now = self.clock // 12
        ms = max(0, now - rng.randrange(12)) if rng.random() < 0.7 else rng.randrange(now + 3)
        return self.pick(b"%d" % ms, b"%d-%d" % (ms, rng.randrange(4)), b"%d-0" % ms)

    def new_id(self):
        """Mostly greater than those before: the generator's own clock."""
        self.clock += self.rng.choice((0, 0, 1, 1, 2))
        if self.rng.random() < 0.05:
            return self.entry_id()
        return b"%d-*" % (self.clock // 12)

    def last_id(self):
        return b"%d-%d" % (self.clock // 12, self.rng.randrange(9))

    def oldest(self):
        return b"%d" % (self.clock // 12 - self.rng.randrange(10))

    def range_end(self):
        return self.pick(b"-", b"+", self.entry_id(), b"(" + self.entry_id(), self.entry_id(),
                         *[b"(x", b"(-", b"(+", b"("] * (self.rng.random() < 0.2))

    # MARK: Collections of some size

    def size(self):
        return self.rng.choice((5, 8, 9, 30, 100, 127, 128, 129, 200, 511, 512, 513, 1500))

    def many(self, make):
        start = self.rng.randrange(600)
        return [word for i in range(start, start + self.size()) for word in make(i)]

    def many_pairs(self):
        return self.many(lambda i: (b"f%d" % i, b"%d" % i))

    def many_fields(self):
        return self.many(lambda i: (b"f%d" % i,))

    def many_texts(self):
        def text(i):
            word = self.rng.choice(TEXTS)
            # Digits behind an exponent would put it out of range, see INTEGERS.
            return word + (b"x%d" if word[:1].isdigit() and b"e" in word else b"%d") % i

        return self.many(lambda i: (text(i),))

    def many_numbers(self):
        return self.many(lambda i: (b"%d" % i,))

    def many_members(self):
        return self.many(lambda i: (b"m%d" % i,))

    def many_scores(self):
        return self.many(lambda i: (b"%d" % (i % 37), b"m%d" % i))

    def many_equal(self):
        return self.many(lambda i: (b"0", b"%c%d" % (self.rng.choice(b"abcdefgh"), i)))
