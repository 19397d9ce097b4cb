"""What clients meet while a server loads its data: Redis's LOADING for all that needs the data,
service for the rest, figures in INFO, and an end that loses nothing."""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import TORTURE, Raw, command, free_port
from resp import Connection
from test_import import place  # noqa: F401
from test_restore import refused

LOADING = ("-", b"LOADING Redis is loading the dataset in memory")
KEYS = 3000
# Three seconds at least.
SLOWLY = {"key_load_delay": 1000}
KINDS = ["log", "base", "snapshot", "imported", "restore"]


def populate(connection, first, end):
    commands = [("SET", f"key:{n}", f"value {n}") for n in range(first, end)]
    for reply in connection.pipeline(commands):
        assert reply == ("+", b"OK")


@pytest.fixture
def loading(place):  # noqa: F811
    """Starts a server that takes seconds to load its keys: from a log, from a log with a base, from
    a snapshot, by importing one of Redis, or by restoring one."""

    def begin(kind, **more):
        options = {"save": "", **more}
        if kind == "base":
            options["cold_tier"] = "no"
        if kind == "snapshot":
            options["appendonly"] = "no"
        if kind in ("imported", "restore"):
            source = place.redis()
            connection = Connection(source.port)
            populate(connection, 0, KEYS)
            connection.call("SAVE")
            connection.close()
            source.stop()
            if kind == "restore":
                os.rename(f"{place.path}/dump.rdb", f"{place.path}/source.rdb")
                options["restore"] = f"{place.path}/source.rdb"
            server = place.firn(**options)
        else:
            server = place.firn(**options)
            server.start()
            connection = Connection(server.port)
            if "requirepass" in options:
                connection.call("AUTH", options["requirepass"])
            populate(connection, 0, KEYS // 2)
            if kind == "base":
                assert connection.call("BGREWRITEAOF")[0] == "+"
                while b"aof_rewrite_in_progress:1" in connection.call("INFO", "persistence")[1]:
                    time.sleep(0.01)
            populate(connection, KEYS // 2, KEYS)
            if kind == "snapshot":
                connection.call("SAVE")
            connection.close()
            server.stop(signal.SIGKILL)
        server.options.update(SLOWLY)
        server.start(until_loaded=False)
        return server

    return begin


def finish(server):
    """Lets the loading come to its end quickly; a connection."""
    connection = Connection(server.port)
    assert connection.call("CONFIG", "SET", "key-load-delay", 0) == ("+", b"OK")
    while connection.call("PING") == LOADING:
        time.sleep(0.005)
    return connection


def assert_whole(connection):
    assert connection.call("DBSIZE") == (":", KEYS)
    keys = [f"key:{n}" for n in range(KEYS)]
    values = [("$", b"value %d" % n) for n in range(KEYS)]
    assert connection.call("MGET", *keys) == ("*", values)


def persistence(connection):
    lines = connection.call("INFO", "persistence")[1].decode().split()
    return dict(line.split(":", 1) for line in lines if ":" in line)


# MARK: What is answered

DIALOG = """
PING
GET key:1
SET key:1 x
SET key:1
NOSUCH
ECHO here
SELECT 1
DBSIZE
KEYS *
SCAN 0
FLUSHALL
SWAPDB 0 1
CONFIG GET save
CONFIG SET maxmemory-samples 7
CONFIG GET maxmemory-samples
CONFIG NOSUCH
CONFIG GET
CLIENT SETNAME me
CLIENT GETNAME
CLIENT NOSUCH
COMMAND INFO get
ACL WHOAMI
AUTH wrong
OBJECT ENCODING key:1
OBJECT FREQ
MEMORY USAGE key:1
XINFO STREAM key:1
XGROUP CREATE s g $
SLOWLOG LEN
LATENCY RESET
PUBLISH channel text
PUBSUB CHANNELS
ROLE
SAVE
BGSAVE
BGREWRITEAOF
DEBUG SLEEP 0
WAIT 0 0
BLPOP list 0
BLMOVE a b LEFT LEFT 0
XREAD BLOCK 0 STREAMS s $
SHUTDOWN ABORT
SHUTDOWN NOSUCH
MULTI
ECHO queued
CONFIG GET save
EXEC
MULTI
ECHO queued
GET key:1
SHUTDOWN
EXEC
MULTI
PING
DISCARD
EXEC
WATCH key:1 key:9
MULTI
ECHO queued
EXEC
UNWATCH
SUBSCRIBE channel
PING
GET key:1
ECHO no
UNSUBSCRIBE channel
HELLO 3
GET key:1
SUBSCRIBE channel
ECHO yes
RESET
PING
QUIT
"""


def answers(port):
    connection = Connection(port)
    lines = [line for line in DIALOG.split("\n") if line]
    found = list(zip(lines, connection.pipeline([line.split() for line in lines])))
    assert connection.file.read() == b""
    connection.close()
    # They tell who the server is.
    return [(line, reply[0] if line.startswith("HELLO") else reply) for line, reply in found]


def test_answers_are_those_of_redis(place, loading):  # noqa: F811
    server = loading("imported", enable_debug_command="yes", latency_tracking="no")
    copy = pathlib.Path(place.path) / "redis"
    copy.mkdir()
    shutil.copy(f"{place.path}/dump.rdb", copy)
    port = free_port()
    redis = subprocess.Popen(
        ["redis-server", "--port", str(port), "--dir", str(copy), "--save", "",
         "--enable-debug-command", "yes", "--key-load-delay", "1000",
         "--loading-process-events-interval-bytes", "1024"], stdout=subprocess.DEVNULL)
    try:
        deadline = time.time() + 10
        while True:
            try:
                if Connection(port).call("PING") == LOADING:
                    break
            except OSError:
                assert time.time() < deadline
                time.sleep(0.01)
        for ours, theirs in zip(answers(server.port), answers(port), strict=True):
            assert ours == theirs
        ours, theirs = ([name for name in persistence(Connection(number)) if "loading" in name]
                        for number in (server.port, port))
        assert ours == theirs and len(ours) == 8
        for number in (server.port, port):
            # Still: the test was quick enough.
            assert Connection(number).call("GET", "key:1") == LOADING
    finally:
        redis.kill()
        redis.wait()
    assert_whole(finish(server))


def test_the_password_comes_first(loading):
    server = loading("log", requirepass="secret")
    connection = Connection(server.port)
    assert connection.call("GET", "key:1")[1].startswith(b"NOAUTH")
    assert connection.call("CONFIG", "GET", "save")[1].startswith(b"NOAUTH")
    assert connection.call("AUTH", "secret") == ("+", b"OK")
    assert connection.call("GET", "key:1") == LOADING


@pytest.mark.parametrize("kind", KINDS)
def test_figures(loading, kind):
    server = loading(kind)
    connection = Connection(server.port)
    before = int(time.time())
    seen = []
    while len(seen) < 5:
        fields = persistence(connection)
        assert fields["loading"] == "1" and fields["async_loading"] == "0"
        if not seen or int(fields["loading_loaded_bytes"]) > seen[-1][1]:
            seen.append(tuple(int(fields[f"loading_{name}"]) for name in
                              ("total_bytes", "loaded_bytes", "eta_seconds", "start_time")))
            total, loaded, eta, start = seen[-1]
            assert 0 <= loaded <= total
            assert abs(float(fields["loading_loaded_perc"]) - 100 * loaded / total) < 0.02
            assert before - 20 <= start <= time.time()
            elapsed = int(time.time()) - start + 1
            assert 0 <= eta <= elapsed * (total - loaded) / (loaded + 1) + 1
            used = int(fields["loading_rdb_used_mem"])
            assert used == 0 if kind == "log" else used > 1000
        time.sleep(0.005)
    # The files that hold the data, and nothing else.
    files = {"log": ["appendonlydir/*.incr.aof"], "restore": ["source.rdb"],
             "base": ["appendonlydir/*.aof", "appendonlydir/*.rdb"]}.get(kind, ["dump.rdb"])
    sizes = [path.stat().st_size for name in files for path in server.directory.glob(name)]
    assert {total for total, *_ in seen} == {sum(sizes)}
    connection = finish(server)
    fields = persistence(connection)
    assert fields["loading"] == "0" and not [name for name in fields if name.startswith("loading_")]
    assert_whole(connection)


# MARK: The end meanwhile

ENDS = [signal.SIGTERM, signal.SIGINT, *("SHUTDOWN" + words for words in
                                         ("", " NOSAVE", " SAVE", " NOW"))]


@pytest.mark.parametrize("end", ENDS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_an_end_while_loading(loading, kind, end):
    server = loading(kind)
    snapshot = server.directory / "dump.rdb"
    held = snapshot.read_bytes() if snapshot.exists() else None
    began = time.time()
    if isinstance(end, str):
        raw = server.raw()
        raw.send(command(*end.split()))
        assert raw.rest() == b""
    else:
        server.send_signal(end)
    assert server.wait() == 0
    assert time.time() - began < 1.5
    assert "still being loaded" in server.log() and "bye bye" in server.log()
    assert (snapshot.read_bytes() if snapshot.exists() else None) == held
    server.options["key_load_delay"] = 0
    if kind == "restore":
        words = server.options.pop("restore")
        assert "has not come to its end: run it again" in refused(server.directory)
        server.options["restore"] = words
    server.start()
    assert_whole(Connection(server.port))
    server.options.pop("restore", None)
    server.restart(signal.SIGKILL)
    assert_whole(Connection(server.port))


def test_files_of_the_process_go(loading, tmp_path):
    pid_file, path = tmp_path / "pid", tmp_path / "s"
    server = loading("log", pidfile=pid_file, unixsocket=path)
    assert pid_file.read_text().strip() == str(server.process.pid)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    sock.connect(str(path))
    raw = Raw(sock)
    assert raw.ask(command("GET", "key:1")) == b"-LOADING Redis is loading the dataset in memory"
    raw.send(command("SHUTDOWN"))
    assert raw.rest() == b""
    assert server.wait() == 0
    assert not pid_file.exists() and not path.exists()


def test_a_load_that_fails(loading):
    server = loading("imported", key_load_delay=1000)
    # The file is mapped: its end is damaged while its beginning is read.
    with open(server.directory / "dump.rdb", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read()[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    connection = Connection(server.port)
    assert connection.call("GET", "key:1") == LOADING
    connection.call("CONFIG", "SET", "key-load-delay", 0)
    assert server.wait() == 1
    assert "is damaged: its checksum is wrong" in server.log().splitlines()[-1]


# MARK: What is left alone

def test_nobody_is_told_of_what_is_replayed(loading):
    server = loading("log", notify_keyspace_events="KEA", slowlog_log_slower_than=0)
    monitor, subscriber, watcher = (Connection(server.port) for _ in range(3))
    assert monitor.call("MONITOR") == ("+", b"OK")
    subscriber.call("PSUBSCRIBE", "__key*")
    assert watcher.pipeline([("WATCH", "key:2999", "key:none")])[0] == ("+", b"OK")
    connection = finish(server)
    commands = [monitor.read()[1].split(b'"')[1] for _ in range(3)]
    assert set(commands) <= {b"PSUBSCRIBE", b"WATCH", b"PING"}, commands
    slow = connection.call("SLOWLOG", "GET", -1)[1]
    assert b"SET" not in {entry[1][3][1][0][1] for entry in slow}
    # From now on they are.
    connection.call("SET", "now", 1)
    assert subscriber.read()[1][3] in (("$", b"new"), ("$", b"set"))
    assert watcher.pipeline([("MULTI",), ("GET", "key:2999"), ("EXEC",)])[2] in (
        ("*", None), ("*", [("$", b"value 2999")]))


def test_settings(loading):
    server = loading("log")
    connection = Connection(server.port)
    reply = connection.call("CONFIG", "SET", "appendonly", "no")
    assert reply[1] == (b"ERR CONFIG SET failed (possibly related to argument 'appendonly') - "
                        b"the dataset is being loaded")
    assert connection.call("CONFIG", "SET", "appendonly", "yes", "appendfsync", "always")[0] == "+"
    assert connection.call("CONFIG", "SET", "notify-keyspace-events", "KA")[0] == "+"
    assert connection.call("DEBUG", "RELOAD")[0] == "-"
    connection = finish(server)
    assert connection.call("CONFIG", "GET", "appendfsync")[1][1] == ("$", b"always")
    assert connection.call("SET", "a", "b") == ("+", b"OK")
    connection.call("DEL", "a")
    assert_whole(connection)


def test_a_pause_does_not_reach_the_replay(start):
    """What is due during CLIENT PAUSE is hidden from commands, but not from effects."""
    server = start(save="", enable_debug_command="yes")
    connection = Connection(server.port)
    soon = int(time.time() * 1000) + 700
    connection.pipeline([("HSET", "hash", "f", "1"), ("HPEXPIREAT", "hash", soon, "FIELDS", 1, "f"),
                         ("SET", "key", "1", "PXAT", soon)])
    populate(connection, 0, 1000)
    connection.pipeline([("HPERSIST", "hash", "FIELDS", 1, "f"), ("PERSIST", "key"),
                         ("HINCRBY", "hash", "f", 1), ("INCR", "key")])
    server.stop(signal.SIGKILL)
    server.options.update(key_load_delay=1000)
    time.sleep(max(0, soon / 1000 - time.time()))
    server.start(until_loaded=False)
    connection = Connection(server.port)
    assert connection.call("CLIENT", "PAUSE", 100_000, "ALL") == ("+", b"OK")
    raw = server.raw()
    raw.send(command("GET", "key"))
    assert raw.line() == b"-LOADING Redis is loading the dataset in memory"
    deadline = time.time() + 60
    while True:
        raw.send(command("GET", "key"))
        raw.sock.settimeout(0.3)
        try:
            assert raw.line().startswith(b"-LOADING")
        except TimeoutError:
            break  # Loaded, and the pause holds.
        assert time.time() < deadline
    # Nobody can end the pause but its time: look into the log's effects at the next start.
    server.options.update(key_load_delay=0)
    server.restart(signal.SIGTERM)
    connection = Connection(server.port)
    assert connection.call("GET", "key") == ("$", b"2")
    assert connection.call("HGET", "hash", "f") == ("$", b"2")


def test_clients_beside_a_large_replay(start):
    """Many clients ask meanwhile, keys spill, and what is loaded is what was there."""
    count = 20_000 if TORTURE else 150_000
    server = start(save="", maxmemory="12mb", enable_debug_command="yes")
    connection = Connection(server.port)
    rng = random.Random(7)
    for first in range(0, count, 5000):
        commands = [("SET", f"key:{rng.randrange(count)}", rng.randbytes(60)) for _ in range(4000)]
        commands += [("RPUSH", f"list:{n % 100}", n) for n in range(first, first + 900)]
        commands += [("DEL", f"key:{rng.randrange(count)}") for _ in range(100)]
        assert all(reply[0] != "-" for reply in connection.pipeline(commands))
    size, digest = connection.call("DBSIZE"), connection.call("DEBUG", "DIGEST")
    server.stop(signal.SIGKILL)
    server.options["key_load_delay"] = -50
    server.start(until_loaded=False)
    replies, slowest = set(), [0.0]

    def ask(number):
        asked = Connection(server.port)
        while True:
            began = time.time()
            got = asked.pipeline([
                ("PING",), ("SET", "x", number), ("INCR", "list:1"), ("INFO", "persistence"),
                ("ECHO", number), ("WATCH", f"key:{number}")])
            slowest[0] = max(slowest[0], time.time() - began)
            if got[0] == ("+", b"PONG"):
                return asked.close()
            replies.update(reply for reply in got[:3])
            assert got[3][0] == "$" and got[4] == ("$", b"%d" % number)
            assert got[5] == ("+", b"OK")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The last of them may have seen the end in the midst of a pipeline.
    assert LOADING in replies and replies <= {LOADING, ("+", b"OK"), (
        "-", b"WRONGTYPE Operation against a key holding the wrong kind of value")}
    assert slowest[0] < 5
    connection = Connection(server.port)
    connection.call("DEL", "x")
    assert connection.call("DBSIZE") == size
    assert connection.call("DEBUG", "DIGEST") == digest


def test_a_small_start_never_says_so(start):
    server = start(save="")
    for round in range(5):
        Connection(server.port).call("SET", f"key:{round}", "v")
        server.stop(signal.SIGKILL)
        server.start(until_loaded=False)
        # Connected before the data was there, perhaps.
        assert Connection(server.port).call("GET", f"key:{round}") == ("$", b"v")
        assert "Loading takes a while" not in server.log()
