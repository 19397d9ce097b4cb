"""A model of hashes whose fields expire, and of strings that change by condition: what Redis 7.4
(HEXPIRE and its kin), 8.0 (HGETEX, HSETEX, HGETDEL), 8.4 (SET with IFEQ and the like, DELEX,
MSETEX, DIGEST) and Valkey 9 (DELIFEQ) document. Redis 7.0 knows none of them, so that it cannot be asked.

The commands are made and run by field_runs.py."""

import time

WRONG_TYPE = "error WRONGTYPE"
ERROR = "error ERR"
TIMES = {b"EX": (1000, True), b"PX": (1, True), b"EXAT": (1000, False), b"PXAT": (1, False)}
EXPIRES = {b"HEXPIRE": b"EX", b"HPEXPIRE": b"PX", b"HEXPIREAT": b"EXAT", b"HPEXPIREAT": b"PXAT"}
LEFT = {b"HTTL": b"EX", b"HPTTL": b"PX", b"HEXPIRETIME": b"EXAT", b"HPEXPIRETIME": b"PXAT"}


class Between:
    """A number that is known up to when exactly the command ran."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def __eq__(self, number):
        return isinstance(number, int) and self.low <= number <= self.high

    def __repr__(self):
        return f"{self.low}…{self.high}"


def simple(reply):
    """A reply as a plain value; of an error its first word."""
    kind, value = reply
    if kind == "-":
        return "error " + value.split()[0].decode()
    return [simple(x) for x in value] if isinstance(value, list) else value


class Model:
    """Keys with [value, time]; a value is bytes or, for a hash, fields with [value, time]. A time
    is None or Unix milliseconds as (earliest, latest)."""

    def __init__(self):
        self.data = {}
        self.digests = {}
        self.before = self.after = 0

    def reply(self, args, before, after):
        """What the server must have replied, between these times."""
        self.before, self.after = before, after
        name, rest = args[0].decode().lower(), args[1:]
        if args[0] in EXPIRES:
            return self.expire(EXPIRES[args[0]], *rest)
        if args[0] in LEFT:
            return self.left(LEFT[args[0]], *rest)
        return getattr(self, name)(*rest)

    # MARK: Times

    def moment(self, form, number):
        unit, relative = TIMES[form]
        low, high = (self.before, self.after) if relative else (0, 0)
        return low + int(number) * unit, high + int(number) * unit

    def is_past(self, moment):
        return moment[0] <= self.after

    def pass_by(self):
        """Takes away what is over; nothing may be about to be."""
        now = int(time.time() * 1000)
        for key, (value, moment) in list(self.data.items()):
            if moment and moment[1] < now:
                del self.data[key]
            elif isinstance(value, dict):
                for field, (_, until) in list(value.items()):
                    if until and until[1] < now:
                        del value[field]
                if not value:
                    del self.data[key]

    # MARK: Finding

    def hash(self, key):
        """The fields; a new, empty hash is not kept."""
        value = self.data.get(key, [{}])[0]
        return value if isinstance(value, dict) else None

    def close(self, key, fields):
        """Keeps a hash that has fields."""
        if not fields:
            self.data.pop(key, None)
        elif key not in self.data:
            self.data[key] = [fields, None]

    @staticmethod
    def fields(words):
        """The words behind FIELDS and their number, or None where the number is another."""
        right = words[0].upper() == b"FIELDS" and words[1] == b"%d" % (len(words) - 2)
        return words[2:] if right else None

    # MARK: Hashes

    def hset(self, key, *pairs):
        fields = self.hash(key)
        if fields is None:
            return WRONG_TYPE
        before = len(fields)
        for field, value in zip(pairs[::2], pairs[1::2]):
            fields[field] = [value, None]
        self.close(key, fields)
        return len(fields) - before

    def hsetnx(self, key, field, value):
        fields = self.hash(key)
        if fields is None:
            return WRONG_TYPE
        return 0 if field in fields else self.hset(key, field, value)

    def hget(self, key, field):
        fields = self.hash(key)
        return WRONG_TYPE if fields is None else fields.get(field, [None])[0]

    def hmget(self, key, *names):
        fields = self.hash(key)
        return WRONG_TYPE if fields is None else [fields.get(f, [None])[0] for f in names]

    def hexists(self, key, field):
        fields = self.hash(key)
        return WRONG_TYPE if fields is None else int(field in fields)

    def hstrlen(self, key, field):
        fields = self.hash(key)
        return WRONG_TYPE if fields is None else len(fields.get(field, [b""])[0])

    def hlen(self, key):
        fields = self.hash(key)
        return WRONG_TYPE if fields is None else len(fields)

    def hgetall(self, key):
        fields = self.hash(key)
        return WRONG_TYPE if fields is None else {f: value for f, (value, _) in fields.items()}

    def hkeys(self, key):
        fields = self.hash(key)
        return WRONG_TYPE if fields is None else sorted(fields)

    def hvals(self, key):
        fields = self.hash(key)
        return WRONG_TYPE if fields is None else sorted(value for value, _ in fields.values())

    def hscan(self, key, *_):
        return self.hgetall(key)

    def hdel(self, key, *names):
        fields = self.hash(key)
        if fields is None:
            return WRONG_TYPE
        removed = sum(fields.pop(f, None) is not None for f in names)
        self.close(key, fields)
        return removed

    def hincrby(self, key, field, amount):
        """A field keeps its time."""
        fields = self.hash(key)
        if fields is None:
            return WRONG_TYPE
        item = fields.get(field, [b"0", None])
        try:
            number = int(item[0])
        except ValueError:
            return ERROR
        if b"%d" % number != item[0]:
            return ERROR
        fields[field] = [b"%d" % (number + int(amount)), item[1]]
        self.close(key, fields)
        return number + int(amount)

    # MARK: Fields that expire

    def expire(self, form, key, number, *words):
        fields = self.hash(key)
        if fields is None:
            return WRONG_TYPE
        condition = words[0].upper() if words[0].upper() in (b"NX", b"XX", b"GT", b"LT") else None
        names = self.fields(words[condition is not None:])
        if names is None or int(number) < 0:
            return ERROR
        moment, results = self.moment(form, number), []
        for field in names:
            if field not in fields:
                results.append(-2)
                continue
            old = fields[field][1]
            refused = {b"NX": old is not None, b"XX": old is None,
                       b"GT": old is None or moment[0] <= old[0],
                       b"LT": old is not None and moment[0] >= old[0]}.get(condition, False)
            if refused:
                results.append(0)
            elif self.is_past(moment):
                del fields[field]
                results.append(2)
            else:
                fields[field][1] = moment
                results.append(1)
        self.close(key, fields)
        return results

    def left(self, form, key, *words):
        fields, names = self.hash(key), self.fields(words)
        if fields is None:
            return WRONG_TYPE
        if names is None:
            return ERROR
        unit, relative = TIMES[form]
        low, high = (self.after, self.before) if relative else (0, 0)
        rounded = lambda ms: (ms + unit - 1) // unit
        return [-2 if f not in fields else -1 if fields[f][1] is None else
                Between(rounded(fields[f][1][0] - low), rounded(fields[f][1][1] - high))
                for f in names]

    def hpersist(self, key, *words):
        fields, names = self.hash(key), self.fields(words)
        if fields is None:
            return WRONG_TYPE
        if names is None:
            return ERROR
        results = []
        for field in names:
            results.append(-2 if field not in fields else -1 if fields[field][1] is None else 1)
            if field in fields:
                fields[field][1] = None
        return results

    def hgetdel(self, key, *words):
        fields, names = self.hash(key), self.fields(words)
        if fields is None:
            return WRONG_TYPE
        if names is None:
            return ERROR
        results = [fields.pop(field, [None])[0] for field in names]
        self.close(key, fields)
        return results

    def hgetex(self, key, *words):
        fields, option, moment = self.hash(key), words[0].upper(), None
        if fields is None:
            return WRONG_TYPE
        if option in TIMES:
            moment, words = self.moment(option, words[1]), words[2:]
        elif option == b"PERSIST":
            words = words[1:]
        names = self.fields(words)
        if names is None:
            return ERROR
        results = []
        for field in names:
            results.append(fields.get(field, [None])[0])
            if field not in fields:
                continue
            if moment and self.is_past(moment):
                del fields[field]
            elif moment or option == b"PERSIST":
                fields[field][1] = moment
        self.close(key, fields)
        return results

    def hsetex(self, key, *words):
        condition = moment = None
        keeps = False
        while words[0].upper() != b"FIELDS":
            word = words[0].upper()
            if word in TIMES:
                if moment or keeps:
                    return ERROR
                moment, words = self.moment(word, words[1]), words[2:]
                continue
            if word in (b"FNX", b"FXX"):
                if condition:
                    return ERROR
                condition = word
            elif word == b"KEEPTTL":
                if moment or keeps:
                    return ERROR
                keeps = True
            words = words[1:]
        if int(words[1]) * 2 != len(words) - 2:
            return ERROR
        fields, names = self.hash(key), words[2::2]
        if fields is None:
            return WRONG_TYPE
        if condition == b"FNX" and any(f in fields for f in names) or (
                condition == b"FXX" and not all(f in fields for f in names)):
            return 0
        for field, value in zip(names, words[3::2]):
            old = fields[field][1] if keeps and field in fields else None
            fields[field] = [value, moment or old]
        if moment and self.is_past(moment):
            for field in names:
                fields.pop(field, None)
        self.close(key, fields)
        return 1

    # MARK: Keys

    def rename(self, old, new):
        if old not in self.data:
            return ERROR
        self.data[new] = self.data.pop(old)
        return b"OK"

    def copy(self, old, new, replace):
        if old == new:
            return ERROR
        if old not in self.data:
            return 0
        value, moment = self.data[old]
        if isinstance(value, dict):
            value = {field: list(item) for field, item in value.items()}
        self.data[new] = [value, moment]
        return 1

    def pexpireat(self, key, number):
        if key in self.data:
            self.data[key][1] = self.moment(b"PXAT", number)
        return int(key in self.data)

    def persist(self, key):
        had = key in self.data and self.data[key][1] is not None
        if had:
            self.data[key][1] = None
        return int(had)

    def type(self, key):
        if key not in self.data:
            return b"none"
        return b"hash" if isinstance(self.data[key][0], dict) else b"string"

    def exists(self, key):
        return int(key in self.data)

    # MARK: Strings

    def get(self, key):
        value = self.data.get(key, [None])[0]
        return WRONG_TYPE if isinstance(value, dict) else value

    def digest(self, key):
        value = self.get(key)
        return self.digests[value] if isinstance(value, bytes) else value

    def holds(self, key, kind, operand):
        """Whether the value is as a condition says; the key holds a string, or there is none."""
        value = self.get(key)
        if kind in (b"IFDEQ", b"IFDNE"):
            value, operand = self.digests.get(value), operand.lower()
        return (value == operand) == (kind in (b"IFEQ", b"IFDEQ"))

    def set(self, key, value, *words):
        words, old = list(words), self.data.get(key, [None, None])
        gets = keeps = moment = condition = None
        while words:
            word = words.pop(0).upper()
            if word in TIMES:
                moment = self.moment(word, words.pop(0))
            elif word in (b"IFEQ", b"IFNE", b"IFDEQ", b"IFDNE"):
                condition = word, words.pop(0)
            else:
                gets, keeps = gets or word == b"GET", keeps or word == b"KEEPTTL"
                condition = (word, None) if word in (b"NX", b"XX") else condition
        if isinstance(old[0], dict) and (gets or condition and condition[1] is not None):
            return WRONG_TYPE
        met = True
        if condition:
            met = ((key in self.data) == (condition[0] == b"XX") if condition[1] is None else
                   self.holds(key, *condition))
        if met:
            self.data[key] = [value, moment or (old[1] if keeps else None)]
        return old[0] if gets else b"OK" if met else None

    def delex(self, key, *condition):
        if condition and isinstance(self.data.get(key, [None])[0], dict):
            return ERROR
        if key not in self.data or condition and not self.holds(key, *condition):
            return 0
        del self.data[key]
        return 1

    def delifeq(self, key, value):
        if isinstance(self.data.get(key, [None])[0], dict):
            return WRONG_TYPE
        return self.delex(key, b"IFEQ", value)

    def msetex(self, number, *words):
        pairs, words = words[: 2 * int(number)], words[2 * int(number):]
        keys = pairs[::2]
        options = [word.upper() for word in words]
        moment = None
        for word, operand in zip(options, words[1:]):
            if word in TIMES:
                moment = self.moment(word, operand)
        if b"NX" in options and any(key in self.data for key in keys) or (
                b"XX" in options and not all(key in self.data for key in keys)):
            return 0
        for key, value in zip(keys, pairs[1::2]):
            kept = self.data[key][1] if b"KEEPTTL" in options and key in self.data else None
            self.data[key] = [value, moment or kept]
        return 1
