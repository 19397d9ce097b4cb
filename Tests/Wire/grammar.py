"""Which commands the differential test makes: a line each, every option of Redis 7.0 in it.

    WORD            stands for itself
    <name:kinds>    what the method of that name of picking.py answers; <s>, <zx> are keys of these
                    kinds (see KINDS)
    (a b|c)         one of these
    [a|b]           one of these or nothing
    {a & b|c & d}   any of these parts, in any order
    part ...        the part up to four times
    3 COMMAND       a line as likely as three; a line that begins with spaces continues the last

Commands that answer by chance (SPOP and the like) are steps of generator.py."""

import re

GROUPS = {
    "strings": (36, """
2 SET <s> <text>
SET <k> <integer>
4 SET <s> <text> {NX|XX & GET & KEEPTTL|<ttl>}
SET <k> <integer> {NX|XX & GET & KEEPTTL|<ttl>}
SET <s> <text> {NX & XX & GET & GET & KEEPTTL & <ttl> & <ttl> & PERSIST}
2 GET <sk>
GETSET <s> <text>
GETDEL <sk>
SETNX <s> <text>
2 GETEX <sk> [PERSIST|<ttl>]
GETEX <sk> {PERSIST & <ttl> & KEEPTTL}
SETEX <s> <seconds> <text>
PSETEX <s> <milliseconds> <text>
2 APPEND <sk> <text>
STRLEN <sk>
2 SETRANGE <sk> (0|1|5|10|100|-1|9223372036854775807|536870912|x) <text>
GETRANGE <sk> <index> <index>
SUBSTR <sk> <index> <index>
INCR <k>
DECR <k>
2 INCRBY <k> <integer>
DECRBY <k> <integer>
2 INCRBYFLOAT <k> <float>
MGET <keys:skh>
MSET (<to:s> <text>) ...
MSETNX (<to:s> <text>) ...
LCS <s> <s> {LEN}
LCS <s> <s> IDX {MINMATCHLEN (0|1|2|5|-1|x) & WITHMATCHLEN}
LCS <s> <sk> {LEN & IDX & MINMATCHLEN 2 & WITHMATCHLEN}
"""),
    "bits": (20, """
2 SETBIT <s> <offset> (0|1|1|1|2)
SETBIT <s> <number:0,500> (0|1)
SETBIT <s> <number:0,200000> 1
GETBIT <sk> <offset>
BITCOUNT <sk>
2 BITCOUNT <sk> <index> [<index> [BIT|BYTE|bit|x]]
BITPOS <s> (0|1|0|1|2)
2 BITPOS <s> (0|1) <index> [<index> [BIT|BYTE|bYTE|x]]
BITPOS <s> (0|1) <number:-300,300> <number:-300,300> BIT
2 BITOP (AND|OR|XOR|or) <to:s> <keys:sskp>
BITOP NOT <to:s> <s> [<s>]
BITOP (x|NOT|AND) <to:s>
2 BITFIELD <sk> (GET <field_type> <field_offset>|SET <field_type> <field_offset>
    <field_value>|INCRBY <field_type> <field_offset> <field_value>|OVERFLOW (WRAP|SAT|FAIL|sat|x)
    INCRBY <field_type> <field_offset> <field_value>|OVERFLOW (SAT|FAIL) SET <field_type>
    <field_offset> <field_value>) ...
BITFIELD <s> [OVERFLOW FAIL] (GET <field_type> <field_offset>) ...
BITFIELD_RO <sk> (GET <field_type> <field_offset>) ...
BITFIELD_RO <s> [SET u8 0 1]
"""),
    "hyperloglogs": (14, """
4 PFADD <p> <visitors>
PFADD <p> <element> ...
2 PFCOUNT <p>
PFCOUNT <keys:ppps>
PFMERGE <to:p> <keys:p>
PFMERGE <to:p>
GET <p>
STRLEN <p>
PFDEBUG (ENCODING|DECODE|DECODE|TODENSE|GETREG|x) <p>
OBJECT ENCODING <p>
DEL <p>
[SETRANGE <p> <number:0,14> <bytes2>]
"""),
    "places": (18, """
3 GEOADD <g> {NX|XX & CH} (<place> <element>) ...
GEOADD <g> <place> <element>
GEOADD <g> {NX & XX & CH & ch & INCR} <place> <element>
GEOPOS <g> <element> ...
GEOPOS <gz>
GEOHASH <g> <element> ...
2 GEODIST <g> <element> <element> [<unit>]
5 GEOSEARCH <g> {<center> & <shape> & ASC|DESC & COUNT <number:1,6> [ANY] & WITHDIST & WITHCOORD &
    WITHHASH}
5 GEOSEARCH <g> <center> <shape> {ASC|DESC & COUNT <number:1,6> [ANY] & WITHDIST & WITHCOORD &
    WITHHASH}
GEOSEARCH <gz> <center> <shape> {ANY & COUNT (0|-1|x) & STOREDIST & WITHDIST}
2 GEOSEARCHSTORE <to:zg> <g> <center> <shape> {ASC|DESC & STOREDIST}
GEOSEARCHSTORE <to:zg> <g> <center> <shape> {COUNT <number:1,6> ANY & STOREDIST & WITHDIST}
3 (GEORADIUS|GEORADIUS_RO) <g> <place> <distance> <unit> {ASC|DESC & COUNT <number:1,6> [ANY] &
    WITHDIST & WITHCOORD & WITHHASH}
2 (GEORADIUSBYMEMBER|GEORADIUSBYMEMBER_RO) <g> <element> <distance> <unit> {ASC|DESC & COUNT
    <number:1,6> [ANY] & WITHDIST & WITHCOORD & WITHHASH}
GEORADIUS <g> <place> <distance> <unit> {ASC|DESC & STORE <to:zg>|STOREDIST <to:zg>}
GEORADIUSBYMEMBER <g> <element> <distance> <unit> {ASC|DESC & STORE <to:zg>|STOREDIST <to:zg> &
    COUNT <number:1,6> ANY}
GEORADIUS <g> <place> <distance> <unit> {STORE <to:zg> & STOREDIST <to:zg> & WITHDIST}
GEORADIUS_RO <g> <place> <distance> <unit> STORE <to:z>
ZRANGE <g> 0 -1 WITHSCORES
ZREM <g> <element>
"""),
    "hashes": (26, """
3 HSET <h> (<element> <text>) ...
HMSET <h> (<element> <text>) ...
2 HSETNX <h> <element> <text>
2 HGET <h> <element>
HMGET <h> <element> ...
3 HDEL <h> <element> ...
HLEN <h>
HSTRLEN <h> <element>
HEXISTS <h> <element>
2 HGETALL <h>
HKEYS <h>
HVALS <h>
3 HINCRBY <h> (n|m|<element>) <integer>
3 HINCRBYFLOAT <h> (n|m|<element>) <float>
HSET <h> n <integer>
OBJECT ENCODING <h>
HRANDFIELD <h> (0|x|9223372036854775807|-9223372036854775808)
"""),
    "lists": (34, """
2 LPUSH <l> <element> ...
2 RPUSH <l> <element> ...
RPUSH <l> <element> <text> <element>
LPUSHX <l> <element> ...
RPUSHX <l> <element> ...
LPOP <l>
RPOP <l>
LPOP <l> <count>
RPOP <l> <count>
LLEN <l>
LINDEX <l> <index>
LRANGE <l> <index> <index>
2 LRANGE <l> 0 -1
2 LSET <l> <index> <text>
2 LREM <l> (0|1|-1|2|-2|x) <element>
LTRIM <l> <index> <index>
LTRIM <l> (0|1|-40) (30|-1)
2 LINSERT <l> (BEFORE|AFTER|after|x) <element> <text>
2 LMOVE <l> <l> (LEFT|RIGHT|x) (LEFT|RIGHT|right)
RPOPLPUSH <l> <l>
LMPOP <counted:l> (LEFT|RIGHT) [COUNT <count>]
LMPOP <counted:l> (LEFT|RIGHT|left|x) {COUNT 2 & COUNT 3 & LEFT}
2 LPOS <l> <element> {RANK (1|2|3|-1|-2|0|-9223372036854775808) & COUNT (0|1|2|-1) & MAXLEN
    (0|1|5|-1)}
OBJECT ENCODING <l>
(BLPOP|BRPOP) <keys:l> <timeout>
BLMOVE <l> <l> (LEFT|RIGHT) (LEFT|RIGHT) <timeout>
BRPOPLPUSH <l> <l> <timeout>
BLMPOP <timeout> <counted:l> (LEFT|RIGHT) [COUNT <count>]
2 (SORT|SORT_RO) <lSzx> {BY <by> & LIMIT <index> <count> & GET <get> & GET <get> & GET # & ASC|DESC}
3 (SORT|SORT_RO) <lSzx> {LIMIT <index> <count> & GET <get> & GET # & ASC|DESC} ALPHA
SORT <lSzx> {BY <by> & LIMIT <index> <count> & GET <get> & GET # & ASC|DESC} STORE <to:l>
2 SORT <lSzx> ALPHA {LIMIT <index> <count> & GET <get> & ASC|DESC} STORE <to:l>
(SORT|SORT_RO) <lSzx> BY <by> ALPHA {GET <get> & ASC|DESC}
(SORT|SORT_RO) <lSzx> BY (nosort|x) {GET <get> & GET # & ASC|DESC & ALPHA}
SORT <lSzx> BY nosort {LIMIT <index> <count> & GET <get> & GET # & ASC|DESC & ALPHA} STORE <to:l>
SORT <lSzx> {LIMIT & GET & BY & STORE}
"""),
    "sets": (26, """
3 SADD <S> <element> ...
2 SADD <S> <element> ... <element> ...
SADD <S> <number:0,99> ...
SADD <S>
    (32767|32768|-32768|-32769|2147483647|2147483648|-2147483649|9223372036854775807
    |-9223372036854775808|01|+1)
    ...
3 SREM <S> <element> ...
SMEMBERS <S>
SCARD <S>
SISMEMBER <S> <element>
SMISMEMBER <S> <element> ...
2 SMOVE <S> <to:S> <element>
3 (SINTER|SUNION|SDIFF) <keys:S>
3 (SINTERSTORE|SUNIONSTORE|SDIFFSTORE) <to:S> <keys:S>
2 SINTERCARD <counted:S> [LIMIT (0|1|3|-1|x)]
SINTERCARD <counted:S> {LIMIT 1 & LIMIT 2 & x}
OBJECT ENCODING <S>
(SPOP|SRANDMEMBER) <S> (0|x|-9223372036854775808)
"""),
    "sorted sets": (40, """
4 ZADD <z> (<score> <element>) ...
4 ZADD <z> {NX|XX & GT|LT & CH} (<score> <element>) ...
2 ZADD <z> {NX|XX & GT|LT & CH & INCR} <score> <element>
ZADD <z> {NX & XX & GT & LT & CH & INCR} (<score> <element>) ...
ZCARD <zx>
ZSCORE <zx> <element>
ZMSCORE <zx> <element> ...
2 ZCOUNT <zx> <bound> <bound>
2 ZINCRBY <z> <score> <element>
2 (ZRANK|ZREVRANK) <zx> <element>
2 ZREM <z> <element> ...
3 ZRANGE <zx> <index> <index> {REV & WITHSCORES}
ZRANGE <zx> 0 -1 WITHSCORES
4 ZRANGE <zx> <bound> <bound> {BYSCORE & REV & WITHSCORES & LIMIT <index> <count>}
3 ZRANGE <zx> <bound> <bound> BYSCORE {REV & WITHSCORES & LIMIT <index> <count>}
ZRANGE <zx> <index> <index> {LIMIT 0 1 & BYLEX & BYSCORE & WITHSCORES}
ZREVRANGE <zx> <index> <index> [WITHSCORES]
3 (ZRANGEBYSCORE|ZREVRANGEBYSCORE) <zx> <bound> <bound> {WITHSCORES & LIMIT <index> <count>}
2 (ZPOPMIN|ZPOPMAX) <zx> [<count>]
2 ZMPOP <counted:zx> (MIN|MAX|min) [COUNT <count>]
ZMPOP <counted:z> (MIN|MAX|x) {COUNT 1 & COUNT 2}
ZREMRANGEBYRANK <zx> <index> <index>
ZREMRANGEBYSCORE <z> <bound> <bound>
ZREMRANGEBYSCORE <z> <number:-9,9> (<bound>|5|-3|x)
(ZUNION|ZINTER) <weighted:zzzSx> {AGGREGATE (SUM|MIN|MAX|sum|x) & WITHSCORES}
(ZUNION|ZINTER) <counted:zzzSx> {AGGREGATE (SUM|MIN|MAX) & WITHSCORES}
(ZUNIONSTORE|ZINTERSTORE) <to:z> <weighted:zzzSx> {AGGREGATE (SUM|MIN|MAX)}
(ZUNIONSTORE|ZINTERSTORE) <to:z> <counted:zzzSx> {AGGREGATE (SUM|MIN|MAX) & WEIGHTS & WITHSCORES}
ZDIFF <counted:zzzSx> [WITHSCORES]
ZDIFFSTORE <to:z> <counted:zzzSx>
ZINTERCARD <counted:zzzS> {LIMIT (0|1|2|-1|x)}
ZRANGESTORE <to:z> <zx> <index> <index> [REV]
2 ZRANGESTORE <to:z> <zx> <bound> <bound> {BYSCORE & REV & LIMIT <index> <count>}
ZRANGESTORE <to:z> <equal> <edge> <edge> BYLEX {REV & LIMIT <index> <count>}
(BZPOPMIN|BZPOPMAX) <keys:zx> <timeout>
BZMPOP <timeout> <counted:zx> (MIN|MAX) [COUNT <count>]
OBJECT ENCODING <zx>
"""),
    "equal scores": (18, """
3 ZADD <equal> (0 <element>) ... (0 <element>) ...
ZADD <equal> 0 <element>
2 ZRANGEBYLEX <equal> <edge> <edge> [LIMIT <index> <count>]
2 ZREVRANGEBYLEX <equal> <edge> <edge> [LIMIT <index> <count>]
2 ZLEXCOUNT <equal> <edge> <edge>
3 ZRANGE <equal> <edge> <edge> BYLEX {REV & LIMIT <index> <count>}
ZRANGE <equal> <edge> <edge> BYLEX {WITHSCORES}
ZRANGE <equal> - + BYLEX
ZREMRANGEBYLEX <equal> <edge> <edge>
ZREM <equal> <element> ...
ZRANK <equal> <element>
"""),
    "streams": (36, """
6 XADD <t> <new_id> <entry>
3 XADD <t> {NOMKSTREAM & <trim>} <new_id> <entry>
XADD <t> {NOMKSTREAM & <trim> & <trim> & LIMIT 3} <new_id> <entry>
XADD <t> <entry_id> <entry>
XLEN <t>
2 XTRIM <t> <trim>
XTRIM <t> {<trim> & <trim> & LIMIT 2}
3 XDEL <t> <entry_id> ...
2 XRANGE <t> <range_end> <range_end> [COUNT (1|2|3|10|0|-1)]
2 XREVRANGE <t> <range_end> <range_end> [COUNT (1|2|3|10|0|-1)]
XRANGE <t> - +
XREVRANGE <t> + -
XREAD {COUNT (1|2|3|10|0|-1)} STREAMS <t> <t> (<entry_id>|$) (<entry_id>|0)
XREAD {COUNT (1|0|-1) & BLOCK (1|-1|x)} STREAMS <t> <entry_id>
XREAD COUNT 2 (GROUP g a|STREAMS <t>|STREAMS)
XSETID <t> (<last_id>|<entry_id>) {ENTRIESADDED (3|100|1000|-1) & MAXDELETEDID <entry_id>}
2 XGROUP CREATE <t> <group> ($|0|<entry_id>) {MKSTREAM & ENTRIESREAD (0|5|-1|-2)}
XGROUP SETID <t> <group> ($|0|<entry_id>) [ENTRIESREAD (0|5|-1|100)]
[XGROUP DESTROY <t> <group>]
XGROUP (CREATECONSUMER|DELCONSUMER) <t> <group> <consumer>
5 XREADGROUP GROUP <group> <consumer> {COUNT (1|2|3|10|0|-1) & NOACK} STREAMS <t>
    (>|>|>|0|<entry_id>)
XREADGROUP {GROUP <group> <consumer> & COUNT (1|3) & NOACK & BLOCK (1|-1)} STREAMS <t> (>|0)
XREADGROUP GROUP g <consumer> [COUNT (1|2)] STREAMS <t> <t> > (>|>|0)
XACK <t> <group> <entry_id> ...
2 XCLAIM <t> <group> <consumer> (0|0|1000000000|-1|x) <entry_id> ... {IDLE (0|100000000|-1) & TIME
    (1|1000000000000) & RETRYCOUNT (0|3|-1) & FORCE & FORCE & JUSTID & LASTID <entry_id>}
2 XAUTOCLAIM <t> <group> <consumer> (0|0|1000000000|-1) <range_end> {COUNT (1|2|3|10|0|-1) & JUSTID}
XPENDING <t> <group>
2 XPENDING <t> <group> [IDLE (0|1000000000|-1)] <range_end> <range_end> (0|1|10|100|-1) [<consumer>]
XINFO STREAM <t>
XINFO STREAM <t> FULL [COUNT (1|2|3|10|0|-1)]
XINFO GROUPS <t>
XINFO CONSUMERS <t> <group>
OBJECT ENCODING <t>
"""),
    "keys": (42, """
2 (DEL|UNLINK) <keys>
EXISTS <keys>
TYPE <any>
TOUCH <keys>
2 (RENAME|RENAMENX) <pair:skhlSzxpgt>
3 COPY <pair:skhlSzxpgt> {DB <near> & REPLACE}
COPY <pair:skhlSzpgt> {DB <database> & DB x & REPLACE & x}
MOVE <any> <database>
2 EXPIRE <any> <seconds> [NX|XX|GT|LT]
2 PEXPIRE <any> <milliseconds> [NX|XX|GT|LT]
2 EXPIREAT <any> <at_seconds> [NX|XX|GT|LT]
2 PEXPIREAT <any> <at_milliseconds> [NX|XX|GT|LT]
(EXPIRE|PEXPIREAT) <any> 10000000000000 {NX & XX & GT & LT & x}
(TTL|PTTL) <any>
(EXPIRETIME|PEXPIRETIME) <any>
PERSIST <any>
3 OBJECT ENCODING <any>
OBJECT (IDLETIME|FREQ|REFCOUNT) <any>
KEYS <glob>
SELECT <database>
SWAPDB (0|1|2|99|x) (0|1|2|-1|x)
ECHO <text>
PING [<text>]
[[FLUSHDB [ASYNC|SYNC|x]]]
DUMP nosuch
RESTORE <to> 0 (x|<text>) {REPLACE & ABSTTL & IDLETIME (1|-1) & FREQ (3|256)}
2 COMMAND (GETKEYS|GETKEYSANDFLAGS) <command>
RANDOMKEY x
DBSIZE x
WAIT 0 0
"""),
    "much": (8, """
HSET <h> <many_pairs>
RPUSH <l> <many_texts>
SADD <S> <many_numbers>
SADD <S> <many_members>
ZADD <z> <many_scores>
ZADD <equal> <many_equal>
SREM <S> <many_numbers>
SREM <S> <many_members>
HDEL <h> <many_fields>
ZREM <z> <many_members>
LTRIM <l> 0 20
XTRIM <t> MAXLEN ~ 10
"""),
    "none": (2, """
NOSUCH
NOSUCH a <bytes2> <long>
GET
object
OBJECT NOSUCH a
OBJECT ENCODING
<long> 1
EXEC
DISCARD
UNWATCH
WATCH
SELECT
XGROUP
XINFO x
XGROUP HELP x
OBJECT HELP x
"""),
}

# What stands for more than one word in the lines above.
RULES = {
    "unit": "(m|km|km|KM|ft|mi|m|km|[x])",
    "center": "(FROMMEMBER <element>|FROMLONLAT <place>)",
    "shape": "(BYRADIUS <distance> <unit>|BYBOX <distance> <distance> <unit>)",
    "timeout": "(0.001|0.001|0.001|0.001|-1|x|1e30)",
    "by": "(k*|h*->n|s*|nosuch|*)",
    "get": "(s*|h*->n|#|k*|l*|h0->*|nosuch|*->)",
    "entry": "(f <text>|f <element> n <integer>|f 1 n 2|<element> <text>"
             "|(<element> <element>) ...)",
    "trim": "(MAXLEN|MINID|maxlen) [=|~|~] "
            "(0|1|5|10|<number:0,60>|<oldest>|<oldest>|<entry_id>|-1) [LIMIT (0|1|3|10|-1)]",
    "group": "(g|h|x)",
    "consumer": "(a|b|c)",
    "long": "(" + "x" * 300 + "|" + "y" * 130 + ")",
    "any": "<key>",
    "equal": "(x0|x1|x2|x3)",
}

# MARK: Reading the lines
#
# A part becomes a function that appends its words to a list.

TOKEN = re.compile(r"<[^>]*>|\.\.\.|[\[\](){}|&]|[^\s\[\](){}|&<]+|<|>")
KEY = re.compile(r"[skhlSzxpgt]+")
OPTION_CHANCE = 0.35


class Reader:
    def __init__(self, text):
        self.tokens = TOKEN.findall(text)
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def sequence(self):
        parts = []
        while self.peek() not in (None, "|", "&", "]", ")", "}"):
            if self.peek() == "...":
                self.take()
                parts[-1] = repeated(parts[-1])
            else:
                parts.append(self.part())
        return parts[0] if len(parts) == 1 else in_order(parts)

    def choice(self):
        options = [self.sequence()]
        while self.peek() == "|":
            self.take()
            options.append(self.sequence())
        return options[0] if len(options) == 1 else one_of(options)

    def part(self):
        token = self.take()
        if token == "(":
            inner = self.choice()
            assert self.take() == ")", self.tokens
            return inner
        if token == "[":
            inner = self.choice()
            assert self.take() == "]", self.tokens
            return optional(inner)
        if token == "{":
            options = [self.choice()]
            while self.peek() == "&":
                self.take()
                options.append(self.choice())
            assert self.take() == "}", self.tokens
            return any_of(options)
        if token[0] == "<" and len(token) > 1:
            return value(token[1:-1])
        return literal(token)


def literal(text):
    word = text.encode()
    return lambda made, words: words.append(word)


def value(name):
    if name in RULES:
        return compiled(RULES[name])
    name, _, argument = name.partition(":")
    if KEY.fullmatch(name):
        name, argument = "key", name
    arguments = []
    if argument:
        arguments = list(map(int, argument.split(","))) if name == "number" else [argument]

    def append(made, words):
        answer = getattr(made, name)(*arguments)
        if isinstance(answer, list):
            words.extend(answer)
        else:
            words.append(answer)
    return append


def in_order(parts):
    def append(made, words):
        for part in parts:
            part(made, words)
    return append


def one_of(options):
    return lambda made, words: made.rng.choice(options)(made, words)


def optional(part):
    def append(made, words):
        if made.rng.random() < OPTION_CHANCE:
            part(made, words)
    return append


def any_of(options):
    def append(made, words):
        order = list(options)
        if made.rng.random() < 0.3:
            made.rng.shuffle(order)
        for part in order:
            if made.rng.random() < OPTION_CHANCE:
                part(made, words)
    return append


def repeated(part):
    def append(made, words):
        for _ in range(made.rng.choice((1, 1, 2, 3, 4))):
            part(made, words)
    return append


COMPILED = {}


def compiled(text):
    if text not in COMPILED:
        reader = Reader(text)
        COMPILED[text] = reader.choice()
        assert reader.peek() is None, (text, reader.tokens[reader.at:])
    return COMPILED[text]


def lines(text):
    """The lines of a group, each as often as it says."""
    found = []
    for line in text.strip().replace("\n  ", " ").split("\n"):
        weight, _, rest = line.partition(" ")
        found += [compiled(rest)] * int(weight) if weight.isdigit() else [compiled(line)]
    return found


# Group: likelihood and lines.
COMMANDS = {name: (weight, lines(text)) for name, (weight, text) in GROUPS.items()}
