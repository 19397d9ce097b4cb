"""Hostile input: commands made of COMMAND DOCS, corrupt DUMP payloads, broken protocol.

    python Tests/Wire/fuzz.py --seed 7 --seconds 60 [arguments|payloads|files|protocol] [--torture]

Four parts. `arguments` gives every command what its documentation asks for, then damages it:
extreme numbers, missing, doubled and misplaced words; where redis-server is certain of its
answer, Firn's must be the same. `payloads` restores mutated DUMPs with checksums that are right
again, of what the servers make and of every encoding that Redis ever wrote. `files` does the same
to whole RDB files, loaded by DEBUG RELOAD and at the start. `protocol` sends bytes that are almost requests and compares all that comes back. Nothing
may end the server, hang it, or make it take memory without bound."""

import argparse
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import rdb
from comparing import Mismatch, equal, shown
from conftest import BINARY, free_port
from differential import Run
from rdb import sealed
from resp import Connection, request

RESIDENT_MAX_KB = 1_500_000

NUMBERS = [b"0", b"1", b"2", b"3", b"5", b"-1", b"-2", b"10", b"9223372036854775807",
           b"-9223372036854775808", b"9223372036854775808", b"-9223372036854775809",
           b"18446744073709551615", b"4294967296", b"2147483648", b"-2147483649", b"1.5", b"+1",
           b"01", b" 1", b"", b"1e3", b"inf", b"-inf", b"nan", b"(1", b"[a", b"-", b"+", b"x",
           b"*", b"-0", b"536870912", b"9223372036854775", b"4611686018427387904", b"1000000"]
KEYS = [b"s", b"n", b"h", b"l", b"S", b"i", b"z", b"bigh", b"bigl", b"bigS", b"bigz", b"t", b"bigt",
        b"none"]
WORDS = [b"COUNT", b"LIMIT", b"NX", b"GT", b"WITHSCORES", b"GET", b"STORE", b"REV", b"extra"]
FIXTURE = [
    ["SET", "s", "hello"], ["SET", "n", "10"], ["HSET", "h", "a", "1", "b", "x"],
    ["RPUSH", "l", "a", "b", "c", "1"], ["SADD", "S", "a", "b", "x"], ["SADD", "i", 1, 2, 3],
    ["ZADD", "z", 1, "a", 2, "b", 3, "c"], ["RPUSH", "bigl", *range(700)],
    ["HSET", "bigh", *range(600)], ["SADD", "bigS", *[f"m{i}" for i in range(600)]],
    ["ZADD", "bigz", *[x for i in range(300) for x in (i % 7, f"m{i}")]],
    *[["XADD", "t", f"{i}-{i % 2}", "f", i, "g", "x"] for i in range(1, 6)],
    *[["XADD", "bigt", f"{i // 4}-{i % 4}", f"f{i % 3}", i] for i in range(1, 60)],
    ["XDEL", "t", "2"], ["XDEL", "bigt", "3-2", "4-1", "1-1"], ["XSETID", "bigt", "99-1"],
    *[w for key in ("t", "bigt") for w in (
        ["XGROUP", "CREATE", key, "a", 0], ["XGROUP", "CREATE", key, "b", "$"],
        ["XREADGROUP", "GROUP", "a", "x", "COUNT", 3, "STREAMS", key, ">"],
        ["XREADGROUP", "GROUP", "a", "1", "COUNT", 2, "STREAMS", key, ">"],
        ["XGROUP", "CREATECONSUMER", key, "b", "x"])]]
# Ends, blocks or changes the connection or the server itself.
NEVER = set("""shutdown debug monitor subscribe psubscribe ssubscribe sync psync replconf quit
    unsubscribe punsubscribe sunsubscribe failover replicaof slaveof reset hello auth select
    wait client config restore-asking module
    blpop brpop brpoplpush blmove blmpop bzpopmin bzpopmax bzmpop
    save bgsave""".split())
# Answers by chance, by time or by what is Firn's own: only Firn is asked, and must survive.
ALONE = set("""info dbsize lolwut acl cluster latency memory slowlog command role lastsave time
    bgrewriteaof randomkey spop srandmember hrandfield zrandmember scan sscan
    hscan zscan dump restore migrate object tier archive exec discard multi watch unwatch
    pubsub publish asking readonly readwrite xclaim xautoclaim xpending
    eval evalsha eval_ro evalsha_ro fcall fcall_ro function script pfdebug pfselftest""".split())


def plainly(reply):
    """A RESP3 reply as Python's own values."""
    kind, value = reply
    if kind == "%":
        return {plainly(k): plainly(v) for k, v in value}
    return [plainly(x) for x in value] if isinstance(value, list) else value


class Arguments:
    """Argument lists after the arguments that COMMAND DOCS describes."""

    def __init__(self, rng, docs):
        self.rng = rng
        self.commands = {}
        for name, doc in docs.items():
            if name.decode() in NEVER:
                continue
            self.commands[name] = doc.get(b"arguments", [])
            for full, sub in doc.get(b"subcommands", {}).items():
                self.commands[full] = sub.get(b"arguments", [])
        self.names = sorted(self.commands)

    def leaf(self, kind):
        rng = self.rng
        if kind == b"key":
            return rng.choice(KEYS)
        if kind in (b"integer", b"unix-time"):
            return rng.choice(NUMBERS[:8]) if rng.random() < 0.6 else rng.choice(NUMBERS)
        if kind == b"double":
            return rng.choice(NUMBERS)
        few = [b"a", b"b", b"x", b"1", b"2"]
        return rng.choice(few) if rng.random() < 0.7 else rng.choice(NUMBERS)

    def written(self, argument):
        rng = self.rng
        flags = argument.get(b"flags", [])
        if b"optional" in flags and rng.random() < 0.5:
            return []
        words, kind, token = [], argument[b"type"], argument.get(b"token")
        for time_ in range(rng.choice([1, 1, 2, 3]) if b"multiple" in flags else 1):
            if token is not None and (time_ == 0 or b"multiple_token" in flags):
                words.append(token)
            if kind == b"oneof":
                words += self.written(rng.choice(argument[b"arguments"]))
            elif kind == b"block":
                for part in argument[b"arguments"]:
                    words += self.written(part)
            elif kind != b"pure-token":
                words.append(self.leaf(kind))
        return words

    def command(self):
        rng = self.rng
        name = rng.choice(self.names)
        words = [w for argument in self.commands[name] for w in self.written(argument)]
        if rng.random() < 0.3:
            # A count of keys that fits is rare by chance.
            for i, word in enumerate(words):
                if word in NUMBERS:
                    words[i] = rng.choice([b"1", b"2"])
                    break
        roll = rng.random()
        if roll < 0.12 and words:
            words[rng.randrange(len(words))] = rng.choice(NUMBERS + KEYS)
        elif roll < 0.2 and words:
            del words[rng.randrange(len(words))]
        elif roll < 0.3:
            words.insert(rng.randrange(len(words) + 1), rng.choice(NUMBERS + WORDS))
        elif roll < 0.36:
            words += rng.choice([words[-1:], words[-2:], [b"extra"]])
        words = [*name.upper().split(b"|"), *words]
        return lasting(words)


def lasting(words):
    """The same without times that end while the test runs, the time of day, and waiting."""
    if words[0] in (b"EXPIRE", b"PEXPIRE", b"SETEX", b"PSETEX"):
        at = [2]
    elif words[0] in (b"SET", b"GETEX"):
        at = [i + 1 for i, w in enumerate(words) if w.upper() in (b"EX", b"PX")]
    elif words[0] in (b"XREAD", b"XREADGROUP"):
        return [w for w in words if w.upper() != b"BLOCK"]
    elif words[0] == b"XADD":
        return [b"7-*" if w == b"*" else w for w in words]
    else:
        return words
    for i in at:
        if i < len(words) and words[i].isdigit() and 0 < int(words[i]) < 100_000:
            words[i] = b"%d" % (int(words[i]) * 10_000_000)
    return words


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def check_alive(run):
    server = run.firn
    assert server.process.poll() is None, server.log()[-6000:]
    resident = resident_kb(server.process.pid)
    assert resident < RESIDENT_MAX_KB, f"the server takes {resident} kB"


def fuzz_arguments(run, rng, seconds):
    """Commands by their documentation; returns how many were compared."""
    docs = plainly(run.pairs[1][0].call("COMMAND", "DOCS"))
    arguments = Arguments(rng, docs)
    theirs = set(plainly(run.pairs[1][1].call("COMMAND", "LIST")))
    # In a database of its own: what is not compared must not change what is.
    alone = Connection(run.firn.port)
    alone.call("SELECT", 12)
    done, deadline = 0, time.time() + seconds
    while time.time() < deadline:
        for connection in run.pairs[0]:
            connection.pipeline([["FLUSHALL"], *FIXTURE])
        alone.pipeline(FIXTURE)
        sent = []
        for _ in range(40):
            words = arguments.command()
            if words[0].lower().decode() in ALONE or words[0].lower() not in theirs or newer(words):
                answer(run, alone, words)
                continue
            sent.append(words)
            c = rng.randrange(2)
            for connection in run.pairs[c]:
                connection.send(words)
            try:
                ours, redis = (connection.read() for connection in run.pairs[c])
            except (OSError, EOFError):
                check_alive(run)
                raise
            if not same(words, ours, redis):
                history = "\n".join(shown(w) for w in sent)
                raise Mismatch(f"{shown(words)}\n  firn  {shown(ours)}\n  redis {shown(redis)}\n"
                               f"after\n{history}")
            done += 1
            if undetermined(words) and ours[0] == ":":
                break  # The lists that it stored differ.
        information = alone.call("INFO", "everything")
        assert information[0] == "$", information
    check_alive(run)
    alone.close()
    return done


def newer(words):
    """Whether these are options that the Redis beside does not have yet."""
    return words[0] == b"SET" and {w.upper() for w in words} & {b"IFEQ", b"IFNE", b"IFDEQ", b"IFDNE"}


def undetermined(words):
    """Whether the order of the result is by chance: sorted by something that may be equal."""
    return words[0] in (b"SORT", b"SORT_RO") and b"BY" in [w.upper() for w in words[2:]]


def same(words, ours, theirs):
    if undetermined(words) and isinstance(ours[1], list) and isinstance(theirs[1], list):
        return ours[0] == theirs[0] and len(ours[1]) == len(theirs[1])
    return equal(words, ours, theirs, ())


def answer(run, connection, words):
    """Any answer will do, but there must be one."""
    try:
        connection.call(*words)
        connection.pipeline([["DISCARD"], ["UNWATCH"]])
    except (OSError, EOFError) as error:
        check_alive(run)
        raise Mismatch(f"{shown(words)} ended the connection: {error}") from error


# MARK: Payloads

EXTREMES = [
    b"\x00", b"\xff", b"\x7f", b"\x80", b"\x80\xff\xff\xff\xff", b"\x81" + b"\x7f" * 8,
    b"\x81" + b"\xff" * 8, b"\xc0\x80", b"\xc3", b"\xc3\x01\x81\x00\x00\x00\x10" + b"\0" * 4,
    b"\xf0\xff\xff\xff\xff", b"\xf4" + b"\xff" * 8, b"\xfe", b"\x3f", b"\x40", b"\xe0\x00"]


def mutated(rng, body):
    body = bytearray(body)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        roll, at = rng.random(), rng.randrange(len(body))
        if roll < 0.35:
            body[at] = rng.randrange(256)
        elif roll < 0.5:
            body[at] ^= 1 << rng.randrange(8)
        elif roll < 0.6:
            del body[at : at + rng.randint(1, 8)]
        elif roll < 0.7:
            body[at:at] = rng.choice(EXTREMES)
        elif roll < 0.8:
            extreme = rng.choice(EXTREMES)
            body[at : at + len(extreme)] = extreme
        elif roll < 0.87:
            other = rng.randrange(len(body))
            body[at:at] = body[other : other + rng.randint(1, 30)]
        elif roll < 0.92:
            del body[at:]
        elif roll < 0.97:
            body[0] = rng.randrange(27)
        else:
            body += rng.randbytes(rng.randint(1, 20))
        if not body:
            body += b"\x00"
    return bytes(body)


READS = {b"string": [["GET"], ["STRLEN"], ["APPEND", "x"]],
         b"list": [["LRANGE", 0, -1], ["LPUSH", "a"], ["RPOP"], ["LREM", 0, "a"], ["LINDEX", 3]],
         b"set": [["SMEMBERS"], ["SADD", "7", "x"], ["SPOP"], ["SRANDMEMBER", -3]],
         b"zset": [["ZRANGE", 0, -1, "WITHSCORES"], ["ZADD", 2, "q"], ["ZPOPMIN"], ["ZRANK", "a"],
                   ["ZREMRANGEBYRANK", 1, 2]],
         b"hash": [["HGETALL"], ["HSET", "q", "1"], ["HDEL", "a"], ["HRANDFIELD", -3],
                  ["HPTTL", "FIELDS", 2, "a", "f1"], ["HEXPIRE", 9, "FIELDS", 2, "b", "f2"],
                  ["HPERSIST", "FIELDS", 1, "a"], ["HSETEX", "KEEPTTL", "FIELDS", 1, "a", 7]],
         b"stream": [["XLEN"], ["XRANGE", "-", "+"], ["XREVRANGE", "+", "-", "COUNT", 3],
                     ["XADD", "*", "f", "x"], ["XDEL", "1-1", "3-1", "2"], ["XTRIM", "MAXLEN", 2],
                     ["XTRIM", "MINID", "~", "3"], ["XSETID", "18446744073709551615-1"],
                     ["XACK", "a", "1-1"], ["XCLAIM", "a", "y", 0, "1-1", "3-1", "FORCE"],
                     ["XAUTOCLAIM", "a", "z", 0, "-"], ["XPENDING", "a", "-", "+", 10]],
         # A hash of which every field is past its time.
         b"none": []}


def expiring_hashes(connection):
    """The bodies of hashes with fields that expire, small and large: as Redis 7.4 writes them, and
    as its release candidates did, without the first time and with whole times."""
    far = 4_000_000_000_000
    wide = b"\x81" + far.to_bytes(8, "big")
    connection.pipeline([
        ["HSET", "e", "a", 1, "b", "x", "c", 5],
        ["HPEXPIREAT", "e", far, "FIELDS", 2, "a", "b"],
        ["HSETEX", "e", "PXAT", far + 9, "FIELDS", 1, "d", "text"],
        ["HSETEX", "bige", "PXAT", far, "FIELDS", 600, *[f"f{i // 2}" for i in range(1200)]],
        ["HSETEX", "longe", "PXAT", far, "FIELDS", 2, "a", "1", "b", "v" * 100]])
    bodies = [r[1][:-10] for r in connection.pipeline([["DUMP", k] for k in ("e", "bige", "longe")])]
    assert [body[0] for body in bodies] == [25, 24, 24]
    bodies.append(b"\x17" + bodies[0][9:])
    bodies.append(b"\x16\x03\x00\x01a\x01b" + wide + b"\x01c\xc0\x05" + wide + b"\x01d\x01e")
    return bodies


def fuzz_payloads(run, rng, seconds):
    """Mutated DUMPs; returns how many were restored and how many of those were taken."""
    originals = []
    for connection in run.pairs[0]:
        connection.pipeline([["FLUSHALL"], *FIXTURE, ["SET", "comp", b"again " * 300]])
        originals += [r[1][:-10] for r in connection.pipeline(
            [["DUMP", key] for key in [*KEYS[:-1], b"t", b"t", b"bigt", b"comp"]])]
    originals += [bytes([kind]) + value for _, kind, value, _ in rdb.values()]
    originals += expiring_hashes(run.pairs[0][0])
    connection, tried, taken = run.pairs[0][0], 0, 0
    deadline = time.time() + seconds
    refusals = {b"ERR Bad data format", b"ERR DUMP payload version or checksum are wrong"}
    while time.time() < deadline:
        body = mutated(rng, rng.choice(originals))
        payload = sealed(body, rng.choice([5, 10, 11]))
        if rng.random() < 0.05:
            payload = mutated(rng, payload)
        tried += 1
        try:
            reply = connection.call("RESTORE", "r", 0, payload, "REPLACE")
            if reply == ("+", b"OK"):
                taken += 1
                kind = connection.call("TYPE", "r")[1]
                commands = [[c[0], "r", *c[1:]] for c in READS[kind]]
                rng.shuffle(commands)
                connection.pipeline([["DUMP", "r"], ["OBJECT", "ENCODING", "r"],
                                     ["DEBUG", "DIGEST-VALUE", "r"], ["MEMORY", "USAGE", "r"],
                                     ["XINFO", "STREAM", "r", "FULL"], ["XINFO", "GROUPS", "r"],
                                     ["XREADGROUP", "GROUP", "a", "x", "STREAMS", "r", ">"],
                                     ["XREADGROUP", "GROUP", "a", "x", "STREAMS", "r", "0"],
                                     ["COPY", "r", "r2", "REPLACE"], *commands, ["DUMP", "r"],
                                     ["TIER", "SPILL", "r2"], ["TYPE", "r2"], ["DUMP", "r2"]])
            elif reply[0] != "-" or reply[1] not in refusals:
                raise Mismatch(f"{payload!r}: {reply}")
        except (OSError, EOFError) as error:
            raise Mismatch(f"{payload!r}: {error}\n{run.firn.log()[-5000:]}") from error
    check_alive(run)
    return tried, taken


# MARK: Files

START_SECONDS_MAX = 20


def whole_file(rng):
    """A sound file with a choice of every type, and what goes between keys; its version."""
    version = rng.choice([1, 4, 6, 9, 10, 10, 11, 11])
    kinds = [v for v in rdb.values() if rdb.SINCE[v[1]] <= version]
    body = rdb.SELECT + b"\x00"
    if version >= 7:
        body = rdb.AUX + rdb.string("redis-ver") + rdb.string("7.0.15") + body
        body += rdb.RESIZE + rdb.length(len(kinds)) + rdb.length(2)
    if version >= 10:
        body = rdb.FUNCTION + rdb.string("#!lua name=a\n") + body
    for name, kind, value, _ in rng.sample(kinds, rng.randint(1, len(kinds))):
        before = rng.choice([b"", b"", b"", rdb.EXPIRE_SECONDS + b"\x00\xff\xff\x7f"])
        if version >= 9 and not before:
            before = rng.choice([b"", rdb.IDLE + rdb.length(100), rdb.FREQUENCY + b"\x05"])
        body += rdb.key(name, kind, value, before)
    return body, version


def broken_file(rng):
    """A mutated one: mostly with a checksum that is right again."""
    body, version = whole_file(rng)
    part = rng.random()
    if part < 0.85:
        body = mutated(rng, body)
    data = rdb.file(body, version, checksum=rng.random() < 0.8)
    return data if part < 0.75 else mutated(rng, data)


def start_with(path):
    """Starts a server on a file: it must say PONG, or end with an error that names the file."""
    directory = os.path.dirname(path)
    port = free_port()
    arguments = [BINARY, "--port", str(port), "--dir", directory, "--save", ""]
    if os.path.getsize(path) % 2:
        arguments += ["--cold-tier", "no"]
    with open(f"{directory}/out", "wb") as out:
        process = subprocess.Popen(arguments, stdout=out, stderr=out)
    deadline = time.time() + START_SECONDS_MAX
    runs = False
    while time.time() < deadline and not runs:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            said = open(f"{directory}/out", errors="replace").read()
            assert process.returncode == 1, (process.returncode, said[-3000:])
            assert "dump.rdb" in said or "cannot be loaded" in said or "twice" in said, said[-3000:]
            assert usage.ru_maxrss < RESIDENT_MAX_KB, f"the start took {usage.ru_maxrss} kB"
            return False
        try:
            connection = Connection(port)
            runs = connection.call("PING") == ("+", b"PONG")
            connection.close()
        except OSError:
            time.sleep(0.005)
    assert runs, "the start hangs"
    resident = resident_kb(process.pid)
    process.kill()
    process.wait()
    assert resident < RESIDENT_MAX_KB, f"the server takes {resident} kB"
    return True


def fuzz_files(run, rng, seconds):
    """Mutated RDB files; returns how many were tried, how many of them loaded, and how many were
    tried at a start."""
    connection, tried, taken, started = run.pairs[0][0], 0, 0, 0
    path = f"{run.firn.directory}/dump.rdb"
    deadline = time.time() + seconds
    while time.time() < deadline:
        data = broken_file(rng)
        with open(path, "wb") as out:
            out.write(data)
        tried += 1
        try:
            reply = connection.call("DEBUG", "RELOAD", "NOSAVE")
            if reply == ("+", b"OK"):
                taken += 1
                read_all(connection)
            elif reply[0] != "-":
                raise Mismatch(f"{reply}")
            if tried % 12 == 0:
                started += 1
                with tempfile.TemporaryDirectory(prefix="firn-fuzz-") as directory:
                    shutil.copy(path, directory)
                    start_with(f"{directory}/dump.rdb")
        except (OSError, EOFError, Mismatch, AssertionError) as error:
            kept = tempfile.mktemp(prefix="firn-fuzz-", suffix=".rdb")
            shutil.copy(path, kept)
            raise Mismatch(f"{kept}: {error}\n{run.firn.log()[-5000:]}") from error
        if tried % 50 == 0:
            check_alive(run)
    check_alive(run)
    return tried, taken, started


def read_all(connection):
    """Touches everything that a file brought."""
    for key in connection.call("KEYS", "*")[1]:
        name = key[1]
        kind = connection.call("TYPE", name)[1]
        if kind in READS:
            commands = [[c[0], name, *c[1:]] for c in READS[kind]]
            connection.pipeline([["DUMP", name], ["DEBUG", "DIGEST-VALUE", name], *commands])
    connection.call("FLUSHALL")


# MARK: Protocol

PIECES = [b"*", b"$", b"\r\n", b"\n", b"\r", b"*0\r\n", b"*-1\r\n", b"$-1\r\n", b"$0\r\n\r\n",
          b"*1048577\r\n", b"*2147483648\r\n", b"$536870913\r\n", b"$9223372036854775807\r\n",
          b"*-9223372036854775808\r\n", b"*1\r\n", b"$4\r\nPING\r\n", b"PING\r\n", b"PING \"a",
          b"ECHO \"\\x41\\n\"\r\n", b"SET a 'b'\r\n", b"GET a\r\n", b"\"", b"'", b"\x00", b"\xff",
          b" ", b"*3\r\n$3\r\nSET\r\n", b"$1\r\na\r\n", b"*+1\r\n", b"* 1\r\n", b"*1 \r\n",
          b"$01\r\na\r\n", b"QUIT\r\n", b"*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n", b"+OK\r\n",
          b":1\r\n"]


def broken(rng):
    """Bytes that are almost a pipeline."""
    good = [[b"PING"], [b"SET", b"a", b"b"], [b"GET", b"a"], [b"ECHO", b"x" * rng.randrange(40)],
            [b"INCR", b"n"], [b"LPUSH", b"l", b"1", b"2"], [b"MGET", b"a", b"n"]]
    data = bytearray()
    for _ in range(rng.randint(1, 8)):
        data += request(rng.choice(good)) if rng.random() < 0.7 else rng.choice(PIECES)
    for _ in range(rng.choice([0, 1, 1, 2])):
        at = rng.randrange(len(data) + 1)
        roll = rng.random()
        if roll < 0.4:
            data[at:at] = rng.choice(PIECES)
        elif roll < 0.6:
            del data[at : at + rng.randint(1, 4)]
        elif roll < 0.8 and at < len(data):
            data[at] = rng.randrange(256)
        else:
            del data[at:]
    # In Redis a zero byte hides the end of an inline request, which then never ends.
    return bytes(data).replace(b"\0", b"0")


def conversation(port, parts):
    """Everything that the server says to these bytes until it closes; None if it closed without
    reading all, which may have cost what it said."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        heard = b""
        try:
            for part in parts:
                sock.sendall(part)
            sock.shutdown(socket.SHUT_WR)
            while data := sock.recv(65536):
                heard += data
        except TimeoutError:
            raise
        except OSError:
            return None
        return heard


def fuzz_protocol(run, rng, seconds):
    """Broken pipelines, byte for byte as Redis answers them; returns how many."""
    done, deadline = 0, time.time() + seconds
    while time.time() < deadline:
        data = broken(rng)
        cut = rng.randrange(len(data) + 1)
        parts = [data] if rng.random() < 0.7 else [data[:cut], data[cut:]]
        for connection in run.pairs[0]:
            connection.call("FLUSHALL")
        ours = conversation(run.firn.port, parts)
        theirs = conversation(run.redis.port, parts)
        if ours != theirs and None not in (ours, theirs):
            raise Mismatch(f"{parts!r}\n  firn  {ours!r}\n  redis {theirs!r}")
        done += 1
    check_alive(run)
    return done


PARTS = {"arguments": fuzz_arguments, "payloads": fuzz_payloads, "files": fuzz_files,
         "protocol": fuzz_protocol}


def fuzz(part, seed, seconds, torture=False, maxmemory=None):
    """One part for so many seconds; an error names the seed."""
    options = {"enable_debug_command": "yes"}
    if torture:
        options["debug_spill_every_command"] = "yes"
    run = Run(options, maxmemory)
    try:
        run.reset()
        return PARTS[part](run, random.Random(seed), seconds)
    except Exception as error:
        raise AssertionError(f"{part}, seed {seed}: {error}") from error
    finally:
        run.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--torture", action="store_true")
    parser.add_argument("--maxmemory")
    words = parser.parse_args()
    for part in words.parts:
        done = fuzz(part, words.seed, words.seconds, words.torture, words.maxmemory)
        print(f"{part}, seed {words.seed}: {done} and all is well", flush=True)


if __name__ == "__main__":
    sys.exit(main())
