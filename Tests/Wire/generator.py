"""Random commands for the differential test: every type and option, few keys, odd values.

Everything comes from one random generator, so a seed gives the same commands again. Which
commands there are is in grammar.py, what they are given in picking.py. Commands whose reply
depends on chance (SPOP and the like) are not made here but in differential.py, which knows how
to compare them."""

import random

from grammar import COMMANDS
from picking import DATABASES, EQUAL_SCORES, KEYS, KINDS, Picking

# Of commands that answer by chance or wait: the forms that do not.
CERTAIN = {b"SPOP": [b"0", b"x", b"-9223372036854775808"], b"RANDOMKEY": [b"x"], b"DBSIZE": [b"x"],
           b"WAIT": [b"0"]}
for uncertain in (b"SRANDMEMBER", b"HRANDFIELD", b"ZRANDMEMBER"):
    CERTAIN[uncertain] = CERTAIN[b"SPOP"]
# Words behind which, or behind the key after which, a time stands; its unit in milliseconds.
SOON = {b"EXPIRE": 1000, b"PEXPIRE": 1, b"SETEX": 1000, b"PSETEX": 1, b"EX": 1000, b"PX": 1}
SIZES = [b"0", b"1", b"2", b"4", b"7", b"16", b"128"]
LENGTHS = [b"0", b"1", b"4", b"8", b"32", b"64"]
# Limits at which the encoding of a value changes, and values for them.
LIMITS = {
    b"hash-max-listpack-entries": SIZES, b"hash-max-listpack-value": LENGTHS,
    b"zset-max-listpack-entries": SIZES, b"zset-max-listpack-value": LENGTHS,
    b"set-max-intset-entries": SIZES,
    b"list-max-listpack-size": [b"-2", b"-1", b"-5", b"1", b"2", b"3", b"8", b"128"],
    b"list-compress-depth": [b"0", b"1", b"2"],
    b"hll-sparse-max-bytes": [b"0", b"40", b"300", b"3000", b"16000"],
    b"stream-node-max-entries": [b"0", b"1", b"2", b"7", b"7", b"100"],
    b"stream-node-max-bytes": [b"0", b"60", b"300", b"4096"],
}


class Generator(Picking):
    def __init__(self, rng, supported=None):
        super().__init__(rng)
        self.weights = [weight for weight, _ in COMMANDS.values()]
        self.groups = [lines for _, lines in COMMANDS.values()]
        self.supported = supported or (lambda name: True)

    def command(self):
        """A command, now and then broken."""
        while True:
            words = []
            while not words:
                line = self.rng.choice(self.rng.choices(self.groups, self.weights)[0])
                line(self, words)
            if self.supported(words[0].upper().decode()):
                words = self.broken(words)
                if not self.is_uncertain(words):
                    return words

    def broken(self, words):
        """The words, now and then with a mistake in them."""
        rng = self.rng
        if rng.random() > 0.06:
            return words
        kind = rng.randrange(6)
        if kind == 0:
            at = rng.randrange(len(words))
            words[at] = bytes(
                rng.choice((c, c ^ 32)) if 65 <= c & ~32 <= 90 else c for c in words[at])
        elif kind == 1 and len(words) > 1:
            del words[rng.randrange(1, len(words))]
        elif EQUAL_SCORES.isdisjoint(words) and len(words) > 2:
            at = rng.randrange(1, len(words))
            if kind == 2:
                words.insert(at, self.garbage())
            elif kind == 3:
                words[max(at, 2)] = self.garbage()
            elif kind == 4:
                words.insert(at, words[at])
            elif at > 1:
                words[at - 1], words[at] = words[at], words[at - 1]
        return words

    @staticmethod
    def is_uncertain(words):
        """Whether the reply depends on the time of day or on chance, or may never come."""
        name = words[0].upper()
        if name == b"XADD":
            return b"*" in words
        if name.startswith(b"XREAD"):
            upper = [word.upper() for word in words]
            times = words[upper.index(b"BLOCK"):][1:2] if b"BLOCK" in upper else []
            return any(time.isdigit() and not 0 < int(time) <= 10 for time in times)
        if name in (b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH", b"BZPOPMIN", b"BZPOPMAX"):
            return waits(words[-1])
        if name.startswith(b"SORT"):
            # Which elements of a set that is not sorted are taken is not determined.
            # Nor is the order of elements that are equal up to a zero byte.
            upper = [word.upper() for word in words]
            return b"LIMIT" in upper and b"STORE" not in upper and (
                b"ALPHA" in upper and b"GET" in upper or any(
                    word == b"BY" and b"*" not in by for word, by in zip(upper, words[1:])))
        if any(word.upper() in SOON and is_soon(time, SOON[word.upper()])
               for place, word in enumerate(words) for time in words[place + 1 : place + 3]):
            return True
        if name in CERTAIN:
            return len(words) == 1 or words[-1] not in CERTAIN[name]
        return name in (b"BLMPOP", b"BZMPOP") and waits((words + [b""])[1])


def is_soon(word, unit):
    """Whether this many units are over before the run is."""
    return word.isdigit() and 0 < int(word) * unit < 5_000_000


def waits(word):
    """Whether a command with this timeout may block for longer than is good; 0 is for ever."""
    try:
        return float(word) == 0 or not float(word) < 0.01
    except ValueError:
        return False


# MARK: Making steps


def make_steps(seed, count, supported, restarts):
    """About `count` commands as steps."""
    rng = random.Random(seed)
    generator = Generator(rng, supported)
    steps, made = [], 0
    for limit in rng.sample(sorted(LIMITS), rng.randrange(len(LIMITS))):
        steps.append(("limit", limit, rng.choice(LIMITS[limit])))
    while made < count:
        c, roll = rng.randrange(2), rng.random()
        if roll < 0.74:
            commands = [generator.command() for _ in range(rng.choice([1, 2, 4, 8, 16, 30, 60]))]
            steps.append(("pipeline" if rng.random() < 0.9 else "counted", c, commands))
            made += len(commands)
            continue
        made += 2
        if roll < 0.82:
            commands = [generator.command() for _ in range(rng.randrange(1, 8))]
            commands = [a for a in commands if a[0].upper() not in (b"EXEC", b"DISCARD")]
            between = [generator.command() for _ in range(rng.randrange(3))]
            watched = [generator.key(KINDS) for _ in range(rng.randrange(3))]
            end = b"EXEC" if rng.random() < 0.9 else b"DISCARD"
            steps.append(("multi", c, watched, between, commands, end))
            made += len(commands)
        elif roll < 0.85:
            steps.append(("spop", c, generator.key("S"), rng.choice([None, 0, 1, 2, 5, 600, -1])))
        elif roll < 0.89:
            name, kind, extra = rng.choice([
                (b"SRANDMEMBER", "S", None), (b"HRANDFIELD", "h", b"WITHVALUES"),
                (b"ZRANDMEMBER", "z", b"WITHSCORES")])
            number = rng.choice([None, 0, 1, 2, 5, 700, -1, -7, -30])
            words = [] if number is None else [b"%d" % number]
            if extra and words and rng.random() < 0.5:
                words.append(extra)
            steps.append(("random", c, [name, generator.key(kind), *words]))
        elif roll < 0.94:
            steps.append(("scan", c, scan_words(rng, generator)))
        elif roll < 0.97:
            options = rng.choice([[b"0"], [b"0", b"REPLACE"], [b"100000000", b"REPLACE"],
                                  [b"1", b"ABSTTL", b"REPLACE"], [b"0", b"REPLACE", b"FREQ", b"3"]])
            source = generator.key(KINDS)
            steps.append(("exchange", c, source, generator.to(KINDS), options))
        elif roll < 0.977:
            steps.append(("dbsize", c))
        elif roll < 0.98:
            # A stream that is read from the log is packed as the limit is then, once and for all.
            limit = rng.choice([name for name in sorted(LIMITS) if b"stream" not in name])
            steps.append(("limit", limit, rng.choice(LIMITS[limit])))
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
            steps.append(("expire", c, generator.key(KINDS), rng.choice([b"PEXPIRE", b"SET"])))
        elif roll < 0.991:
            steps.append(("hello", 1, rng.choice([2, 3])))
        elif roll < 0.994:
            steps.append(("firn", rng.choice([b"BGREWRITEAOF", b"BGSAVE", b"TYPE"])))
        elif restarts and roll < 0.996:
            steps.append(("restart",))
    return steps


def scan_words(rng, generator):
    name, kind = rng.choice([(b"SCAN", ""), (b"SCAN", ""), (b"HSCAN", "h"), (b"SSCAN", "S"),
                             (b"ZSCAN", "z")])
    words = [name] + ([generator.key(kind)] if kind else []) + [b"0"]
    if rng.random() < 0.5:
        words += [b"COUNT", rng.choice([b"1", b"3", b"10", b"1000", b"0", b"x"])]
    if rng.random() < 0.4:
        words += [b"MATCH", rng.choice([b"*", b"*1*", b"s*", b"f*", b"[a-e]"])]
    if name == b"SCAN" and rng.random() < 0.4:
        words += [b"TYPE", rng.choice([b"string", b"hash", b"zset", b"ZSET", b"nope"])]
    if rng.random() < 0.05:
        words[words.index(b"0")] = rng.choice([b"x", b"1x", b"99999999999999999999999"])
    return words
