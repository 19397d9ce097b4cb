"""Small cases that random tests found."""

import time

import pytest

from resp import Connection


@pytest.mark.parametrize("ending", ["pipeline", "MULTI"])
def test_checkpoint_asked_for_behind_a_write(start, ending):
    """The log's batch is open when BGREWRITEAOF runs."""
    server = start()
    connection = Connection(server.port)
    asking = [("SET", "key", 1), ("BGREWRITEAOF",), ("INCR", "key")]
    if ending == "MULTI":
        asking = [("MULTI",), *asking, ("EXEC",)]
    before = connection.plain("INFO", "persistence")
    assert before
    replies = connection.pipeline(asking)
    assert all(reply[0] != "-" for reply in replies), replies
    assert connection.plain("GET", "key") == b"2"
    deadline = time.time() + 10
    while b"aof_rewrite_in_progress:1" in connection.plain("INFO", "persistence"):
        assert time.time() < deadline
    connection.close()
    server.restart(9)
    connection = Connection(server.port)
    assert connection.plain("GET", "key") == b"2"
    connection.close()


def test_unknown_subcommand_spoils_a_transaction(server):
    connection = Connection(server.port)
    replies = connection.pipeline(
        [("MULTI",), ("OBJECT", "ENCODING"), ("SET", "key", 1), ("EXEC",)])
    assert replies[1] == ("-", b"ERR wrong number of arguments for 'object|encoding' command")
    assert replies[3][1].startswith(b"EXECABORT")
    assert connection.plain("EXISTS", "key") == 0
    replies = connection.pipeline([("MULTI",), ("UNWATCH",), ("EXEC",)])
    assert replies[1] == ("+", b"QUEUED")
    assert replies[2] == ("*", [("+", b"OK")])
    connection.close()


def test_refused_exec_ends_the_transaction(server):
    connection = Connection(server.port)
    replies = connection.pipeline([("MULTI",), ("SET", "key", 1), ("EXEC", "now"), ("EXEC",)])
    assert replies[2] == ("-", b"EXECABORT Transaction discarded because of: "
                               b"wrong number of arguments for 'exec' command")
    assert replies[3] == ("-", b"ERR EXEC without MULTI")
    connection.close()


def test_no_oom_while_keys_are_on_their_way_to_the_cold_tier(start):
    server = start(maxmemory="2mb")
    connection = Connection(server.port)
    for _ in range(10):
        replies = connection.pipeline([("SET", f"key:{i}", b"x" * 1000) for i in range(3000)])
        assert set(replies) == {("+", b"OK")}
    assert connection.plain("DBSIZE") == 3000
    connection.close()
