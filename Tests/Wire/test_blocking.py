"""Blocking commands: scenarios of several clients, played to Firn and to redis-server, with equal
replies; and what only Firn has: cold keys, restarts, the log.

A scenario has a step a line. `a| BLPOP k 0`: client a sends it, and blocks. `b> LPUSH k 1`: client b
sends it and reads the reply. `a<`: client a reads a reply. `a* …`: sends and does not wait."""

import signal
import time

import pytest

from conftest import TORTURE, command, scaled
from differential import RedisServer
from resp import Connection

SCENARIOS = {
    "at once": """
        a> RPUSH k 1 2 3
        a> BLPOP k 0
        a> BRPOP none k 0.5
        a> BLMPOP 0 2 none k LEFT COUNT 10
        a> ZADD z 1 a 2.5 b 3 c
        a> BZPOPMIN z 0
        a> BZPOPMAX none z 0
        a> BZMPOP 1 1 z MIN COUNT 5
        a> RPUSH k 1 2
        a> BLMOVE k l LEFT RIGHT 0
        a> BRPOPLPUSH k l 0
        a> LRANGE l 0 -1
        a> EXISTS k z""",
    "time": """
        a> BLPOP k 0.01
        a> BRPOP k l 0.02
        a> BLMPOP 0.01 1 k RIGHT
        a> BLMOVE k l LEFT LEFT 0.01
        a> BRPOPLPUSH k l 0.01
        a> BZPOPMIN k 0.01
        a> BZPOPMAX k 0.01
        a> BZMPOP 0.01 1 k MAX
        a> WAIT 0 0
        a> WAIT 1 10""",
    "errors": """
        a> BLPOP k -1
        a> BLPOP k x
        a> BLPOP k nan
        a> BLPOP k 1e30
        a> BLPOP k
        a> SET s 1
        a> BLPOP none s 1
        a> BLMOVE s k LEFT LEFT 1
        a> BLMOVE k s UP LEFT 1
        a> BLMOVE k l LEFT LEFT x
        a> BLMPOP x 1 k LEFT
        a> BLMPOP -1 1 k LEFT
        a> BLMPOP 1 0 k LEFT
        a> BLMPOP 1 2 k LEFT
        a> BLMPOP 1 1 k UP
        a> BLMPOP 1 1 k LEFT COUNT 0
        a> BLMPOP 1 1 s LEFT
        a> BZPOPMIN s 1
        a> BZMPOP 1 1 k LEFT
        a> BZMPOP 1 1 k MIN COUNT x
        a> BZMPOP x 1 k MIN
        a> BRPOPLPUSH k l -0.5
        a> WAIT x 0
        a> WAIT 1 x
        a> WAIT 1 -1""",
    "first come": """
        a| BLPOP k 0
        b| BRPOP k 0
        c| BLPOP k 0
        d> RPUSH k 1 2
        a<
        b<
        d> LLEN k
        d> RPUSH k 3 4
        c<
        d> LRANGE k 0 -1""",
    "which key": """
        a| BLPOP one two 0
        b> MULTI
        b> RPUSH two 2
        b> RPUSH one 1
        b> EXEC
        a<
        b> LRANGE one 0 -1
        b> LRANGE two 0 -1""",
    "a transaction is one": """
        a| BLPOP k 0
        b> MULTI
        b> RPUSH k 1
        b> RPUSH k 2
        b> LPUSH k 0
        b> EXEC
        a<
        b> MULTI
        b> BLPOP none 0
        b> BLMOVE none l LEFT LEFT 0
        b> BRPOPLPUSH none l 0
        b> BLMPOP 0 1 none LEFT
        b> BZPOPMAX none 0
        b> BZMPOP 0 1 none MIN
        b> BLPOP k 0
        b> WAIT 1 0
        b> EXEC""",
    "gone again": """
        a| BLPOP k 0
        b> MULTI
        b> RPUSH k 1
        b> DEL k
        b> EXEC
        b> RPUSH k 2
        a<""",
    "another type": """
        a| BLPOP k 0
        b> SADD k x
        b> DEL k
        b> ZADD k 1 m
        b> DEL k
        b> RPUSH k 1
        a<
        c| BLPOP k 0
        d| BZPOPMIN k 0
        b> ZADD k 5 five
        d<
        b> RPUSH k 5
        c<""",
    "the same key twice": """
        a| BLPOP k k 0
        b> RPUSH k 1 2
        a<
        b> LLEN k""",
    "a chain of moves": """
        a| BLMOVE one two LEFT RIGHT 0
        b| BLMOVE two three LEFT RIGHT 0
        c| BLPOP three 0
        d> RPUSH one x
        a<
        b<
        c<
        d> EXISTS one two three""",
    "moving onto itself": """
        a| BRPOPLPUSH k k 0
        b> RPUSH k x
        a<
        b> LRANGE k 0 -1""",
    "moving where no list is": """
        b> SET target 1
        a| BLMOVE k target LEFT LEFT 0
        c| BLPOP k 0
        b> RPUSH k x
        a<
        c<
        b> EXISTS k""",
    "names and databases": """
        a| BLPOP k 0
        b> RPUSH other 1
        b> RENAME other k
        a<
        a| BLPOP k 0
        b> RPUSH other 2
        b> COPY other k
        a<
        a| BLPOP k 0
        b> SELECT 1
        b> RPUSH k 3
        b> MOVE k 0
        a<
        a| BLPOP k 0
        b> RPUSH k 4
        b> SWAPDB 0 1
        a<
        a| BLPOP k 0
        b> SELECT 0
        b> RPUSH from 3 1 2
        b> SORT from STORE k
        a<
        a| BZPOPMAX z 0
        b> ZADD y 1 a
        b> ZRANGESTORE z y 0 -1
        a<
        a| BZMPOP 0 2 q z MIN COUNT 9
        b> ZUNIONSTORE z 2 y z
        a<
        a| BZPOPMIN q 0
        b> GEOADD q 13.361389 38.115556 Palermo
        a<""",
    "dumped": """
        b> RPUSH from 1
        a| BRPOP k 0
        b> COPY from k
        a<""",
    "several at once": """
        a| BLMPOP 0 2 k l RIGHT COUNT 2
        b> RPUSH l 1 2 3
        a<
        a| BZMPOP 0 2 y z MAX COUNT 2
        b> ZADD z 1 a 2 b 3 c
        a<
        b> LRANGE l 0 -1
        b> ZRANGE z 0 -1 WITHSCORES""",
    "what is sent meanwhile": """
        a| BLPOP k 0
        a* INCR n
        a* BLPOP k 0
        a* INCR n
        b> GET n
        b> RPUSH k 1
        a<
        a<
        b> RPUSH k 2
        a<
        a<
        b> GET n""",
    "unblocking": """
        a> CLIENT ID
        a| BLPOP k 0
        b> CLIENT UNBLOCK $a
        a<
        b> CLIENT UNBLOCK $a
        a| BZPOPMIN k 0
        b> CLIENT UNBLOCK $a ERROR
        a<
        a| BLMOVE k l LEFT LEFT 0
        b> CLIENT UNBLOCK $a TIMEOUT
        a<
        a| WAIT 1 0
        b> CLIENT UNBLOCK $a
        a<
        b> CLIENT UNBLOCK 999999
        b> CLIENT UNBLOCK x
        b> CLIENT UNBLOCK $a MAYBE
        a> PING""",
    "silent clients": """
        a* CLIENT REPLY OFF
        a| BLPOP k 0
        b> RPUSH k 1
        a* CLIENT REPLY ON
        a<
        b> LLEN k
        a* CLIENT REPLY SKIP
        a| BLPOP k 0
        b> RPUSH k 2
        a> PING""",
    "streams": """
        a> XREAD BLOCK 10 STREAMS s $
        a> XREAD BLOCK x STREAMS s $
        a> XREAD BLOCK -1 STREAMS s $
        a| XREAD BLOCK 0 STREAMS s $
        b| XREAD BLOCK 100000 COUNT 1 STREAMS other s 5 0
        c> XADD s 1-1 f v
        a<
        b<
        a| XREAD BLOCK 0 STREAMS s s $ 9-9
        c> MULTI
        c> XADD s 2-1 f v g w
        c> XADD s 2-2 f v
        c> EXEC
        a<
        a| XREAD BLOCK 0 STREAMS s 2-5
        c> XADD s 2-4 f v
        c> XADD s 2-6 f v
        a<
        c> MULTI
        c> XREAD BLOCK 0 STREAMS s $
        c> EXEC
        a| XREAD BLOCK 0 STREAMS t 0
        c> SET t x
        c> DEL t
        c> XADD t 1-1 f v
        a<""",
    "groups": """
        a> XREADGROUP GROUP g one BLOCK 10 STREAMS s >
        a> XGROUP CREATE s g $ MKSTREAM
        a> XREADGROUP GROUP g one BLOCK 10 STREAMS s >
        a> XREADGROUP GROUP g one BLOCK 10 STREAMS s 0
        a| XREADGROUP GROUP g one BLOCK 0 STREAMS s >
        b| XREADGROUP GROUP g two BLOCK 0 STREAMS s >
        c> XADD s 1-1 f v
        a<
        c> XADD s 1-2 f v
        b<
        c> XPENDING s g
        a| XREADGROUP GROUP g one COUNT 1 BLOCK 0 NOACK STREAMS s >
        c> MULTI
        c> XADD s 2-1 f v
        c> XADD s 2-2 f v
        c> EXEC
        a<
        a> XREADGROUP GROUP g one COUNT 1 BLOCK 0 NOACK STREAMS s >
        c> XPENDING s g
        a| XREADGROUP GROUP g one BLOCK 0 STREAMS s >
        c> XGROUP DESTROY s g
        a<
        a> XGROUP CREATE s g $
        a| XREADGROUP GROUP g one BLOCK 0 STREAMS s >
        c> DEL s
        a<
        a> XGROUP CREATE s g $ MKSTREAM
        a| XREADGROUP GROUP g one BLOCK 0 STREAMS s >
        c> SET s x
        a<
        c> DEL s
        a> XGROUP CREATE s g $ MKSTREAM
        a| XREADGROUP GROUP g one BLOCK 0 STREAMS s >
        c> RENAME s r
        a<
        a| XREADGROUP GROUP g new BLOCK 0 NOACK STREAMS r >
        c> FLUSHALL
        a<""",
    "groups that expire": """
        a> XGROUP CREATE s g $ MKSTREAM
        a> PEXPIRE s 50
        a| XREADGROUP GROUP g one BLOCK 0 STREAMS s >
        a<""",
    "counted": """
        a> CONFIG RESETSTAT
        a> BLPOP k 0.001
        a| BLPOP k 0
        b> RPUSH k 1
        a<
        b> INFO commandstats""",
    "expired meanwhile": """
        a| BLPOP k 0
        b> MULTI
        b> RPUSH k 1
        b> PEXPIRE k -1
        b> EXEC
        b> RPUSH k 2
        a<""",
}


class Play:
    """A scenario on one server."""

    def __init__(self, port, version):
        self.port = port
        self.version = version
        self.clients = {}
        self.ids = {}
        self.observer = Connection(port)
        self.observer.call("FLUSHALL")

    def client(self, name):
        if name not in self.clients:
            self.clients[name] = Connection(self.port)
            if self.version == 3:
                self.clients[name].call("HELLO", 3)
        return self.clients[name]

    def blocked(self):
        info = self.observer.plain("INFO", "clients").decode()
        return int(info.split("blocked_clients:")[1].split("\r")[0])

    def run(self, scenario):
        replies = []
        for line in scenario.strip().splitlines():
            name, mode, text = line.strip()[0], line.strip()[1], line.strip()[2:]
            for other, number in self.ids.items():
                text = text.replace("$" + other, str(number))
            client = self.client(name)
            before = self.blocked() if mode == "|" else 0
            if mode != "<":
                client.send(text.split())
            if mode == "|":
                deadline = time.time() + 20
                while self.blocked() != before + 1:
                    assert time.time() < deadline, line
            elif mode != "*":
                reply = client.read()
                if text.split() == ["CLIENT", "ID"]:
                    self.ids[name] = reply[1]
                elif text.split() == ["INFO", "commandstats"]:
                    reply = self.calls(reply[1].decode(), "blpop")
                if text.split() != ["CLIENT", "ID"]:
                    replies.append((line.strip(), reply))
        replies.append(("blocked", self.blocked()))
        return replies

    def calls(self, info, name):
        fields = info.split(f"cmdstat_{name}:")[1].split("\r")[0]
        return [field for field in fields.split(",") if "usec" not in field]

    def close(self):
        for client in [*self.clients.values(), self.observer]:
            client.close()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(server, reference, name, version):
    outcomes = []
    for port in (server.port, reference.port):
        play = Play(port, version)
        try:
            outcomes.append(play.run(SCENARIOS[name]))
        finally:
            play.close()
    assert outcomes[0] == outcomes[1]


def until(condition):
    deadline = time.time() + 20
    while not condition():
        assert time.time() < deadline
        time.sleep(0.005)


def test_a_client_that_goes_is_not_served(server):
    client = server.client()

    def blocked():
        return client.info("clients")["blocked_clients"]

    gone = server.raw()
    gone.send(command("BLPOP", "k", 0))
    until(lambda: blocked() == 1)
    gone.close()
    until(lambda: blocked() == 0)
    client.rpush("k", "kept")
    assert client.lrange("k", 0, -1) == [b"kept"]
    client.delete("k")
    victim = server.raw()
    victim.send(command("CLIENT", "ID"))
    number = int(victim.line()[1:])
    victim.send(command("BRPOP", "k", 0))
    until(lambda: blocked() == 1)
    assert client.client_kill_filter(_id=number) == 1
    assert blocked() == 0
    client.rpush("k", "kept")
    assert client.lrange("k", 0, -1) == [b"kept"]
    assert victim.rest() == b""


def test_malformed_input_behind_a_blocking_request(server):
    client, raw = server.client(), server.raw()
    raw.send(command("PING") + command("BLPOP", "k", 0) + b"*1\r\n!nonsense\r\n")
    assert raw.line() == b"+PONG"
    until(lambda: client.info("clients")["blocked_clients"] == 1)
    client.rpush("k", "x")
    expected = b"*2\r\n$1\r\nk\r\n$1\r\nx\r\n"
    assert raw.exactly(len(expected)) == expected
    assert raw.line().startswith(b"-ERR Protocol error")
    assert raw.rest() == b""


def test_many_wait_for_one_key(server):
    count = scaled(1000)
    client = server.client()
    waiting = [Connection(server.port) for _ in range(count)]
    for number, connection in enumerate(waiting):
        connection.send(["BLPOP", "k", 0])
        until(lambda n=number: n % 50 or client.info("clients")["blocked_clients"] == n + 1)
    until(lambda: client.info("clients")["blocked_clients"] == count)
    # Every third gives up.
    for connection in waiting[::3]:
        connection.close()
    rest = [c for i, c in enumerate(waiting) if i % 3]
    until(lambda: client.info("clients")["blocked_clients"] == len(rest))
    pipeline = client.pipeline(transaction=False)
    for number in range(len(rest)):
        pipeline.rpush("k", number)
    pipeline.execute()
    order = [int(connection.read()[1][1][1]) for connection in rest]
    # Neighbours may have arrived in either order, for each has a connection of its own.
    assert sorted(order) == list(range(len(rest)))
    assert client.exists("k") == 0
    for connection in rest:
        connection.close()


def test_the_log_has_what_was_served(start):
    server = start(appendfsync="always")
    client, waiter = server.client(), Connection(server.port)
    waiter.send(["BLMOVE", "from", "to", "LEFT", "RIGHT", 0])
    until(lambda: client.info("clients")["blocked_clients"] == 1)
    client.rpush("from", "a", "b")
    assert waiter.read() == ("$", b"a")
    waiter.send(["BZPOPMIN", "z", 0])
    until(lambda: client.info("clients")["blocked_clients"] == 1)
    client.zadd("z", {"low": 1, "high": 2})
    assert waiter.read()[1][1] == ("$", b"low")
    waiter.close()
    server.restart(signal.SIGKILL)
    client = server.client()
    assert client.lrange("from", 0, -1) == [b"b"]
    assert client.lrange("to", 0, -1) == [b"a"]
    assert client.zrange("z", 0, -1) == [b"high"]


@pytest.mark.skipif(TORTURE, reason="spills by itself")
def test_cold_keys_serve(server):
    client, waiter = server.client(), Connection(server.port)
    client.rpush("cold", "x", "y")
    client.execute_command("TIER", "SPILL", "cold")
    assert waiter.call("BLPOP", "none", "cold", 0)[1][1] == ("$", b"x")
    client.execute_command("TIER", "SPILL", "cold")
    waiter.send(["BRPOP", "k", 0])
    until(lambda: client.info("clients")["blocked_clients"] == 1)
    client.rename("cold", "k")
    assert waiter.read()[1][1] == ("$", b"y")
    # A cold list that the element is moved to.
    client.rpush("target", "first")
    client.execute_command("TIER", "SPILL", "target")
    waiter.send(["BLMOVE", "k", "target", "LEFT", "RIGHT", 0])
    until(lambda: client.info("clients")["blocked_clients"] == 1)
    client.rpush("k", "second")
    assert waiter.read() == ("$", b"second")
    assert client.lrange("target", 0, -1) == [b"first", b"second"]
    waiter.close()
