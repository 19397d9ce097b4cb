"""What Firn says about itself is what redis-server says: COMMAND, HELP, CONFIG, INFO."""

import re

import pytest

from differential import RedisServer
from resp import Connection, plain

# Firn's own subcommands and values, and those of Redis that belong to what Firn does not have;
# each is in README.
OWN_SUBCOMMANDS = {b"client|setinfo"}
# Those of Redis 7.4, 8.0 and 8.4, and of Valkey 9.
NEWER_COMMANDS = set(b"""digest delex delifeq msetex
    hexpire hpexpire hexpireat hpexpireat httl hpttl hexpiretime hpexpiretime
    hpersist hgetex hsetex hgetdel""".split())
OWN_DEFAULTS = {b"appendonly", b"maxmemory", b"maxmemory-policy", b"sanitize-dump-payload"}
PLACES = {b"port", b"dir", b"bind", b"save"}
OTHER_HELP = {"MEMORY": 2, "PUBSUB": 4, "MODULE": 6, "CLIENT": 0}
CONTAINERS = ["ACL", "CLIENT", "COMMAND", "CONFIG", "DEBUG", "LATENCY", "MEMORY", "MODULE",
              "OBJECT", "PUBSUB", "SLOWLOG", "XGROUP", "XINFO"]


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def pair(server, redis):
    """A RESP3 connection to each."""
    connections = [Connection(server.port), Connection(redis.port)]
    for connection in connections:
        connection.call("HELLO", 3)
    yield connections
    for connection in connections:
        connection.close()


def without_order(reply):
    """A reply whose sets compare as sets."""
    kind, value = reply
    if isinstance(value, list):
        parts = [tuple(map(without_order, x)) if kind == "%" else without_order(x) for x in value]
        return kind, sorted(parts, key=repr) if kind in "~%" else parts
    return reply


def plain_map(reply):
    values = plain(reply)
    return dict(zip(values[::2], values[1::2]))


def rows(connection):
    """Each command and subcommand's row, without the rows below it."""
    found = {}

    def add(row):
        found[row[1][0][1]] = without_order((row[0], row[1][:9]))
        for sub in row[1][9][1]:
            add(sub)

    for row in connection.call("COMMAND")[1]:
        add(row)
    return found


def test_command_info(pair):
    ours, theirs = map(rows, pair)
    assert len(ours) > 180
    for name in sorted(ours.keys() & theirs.keys()):
        assert ours[name] == theirs[name], name
    # A container of Redis's that Firn has is whole.
    whole = {name for name in theirs if b"|" in name and name.split(b"|")[0] in ours}
    left = {name for name in whole - ours.keys()}
    assert {name.split(b"|")[0] for name in left} <= {b"cluster", b"pubsub"}, left
    extra = {name for name in ours.keys() - theirs.keys()}
    own = {n for n in extra if not n.startswith((b"tier", b"archive", b"backup"))}
    assert own <= OWN_SUBCOMMANDS | NEWER_COMMANDS


def documented(connection):
    """What COMMAND DOCS says, by full name, without what is inside the arguments but tokens."""
    found = {}

    def tokens(arguments):
        for argument in arguments:
            fields = {key[1]: value for key, value in argument[1]}
            if b"token" in fields:
                yield fields[b"token"][1]
            yield from tokens(fields.get(b"arguments", ("*", []))[1])

    def add(name, doc):
        fields = {key[1]: without_order(value) for key, value in doc[1]
                  if key[1] not in (b"arguments", b"subcommands")}
        for key, value in doc[1]:
            if key[1] == b"arguments":
                fields["tokens"] = list(tokens(value[1]))
            elif key[1] == b"subcommands":
                for sub, below in value[1]:
                    add(sub[1], below)
        found[name] = fields

    for name, doc in connection.call("COMMAND", "DOCS")[1]:
        add(name[1], doc)
    return found


def test_command_docs(pair):
    ours, theirs = map(documented, pair)
    # SET has the conditions of Redis 8.4 too.
    newer = ours[b"set"]
    newer["tokens"] = [token for token in newer["tokens"] if not token.startswith(b"IF")]
    newer[b"history"] = (newer[b"history"][0], newer[b"history"][1][:-1])
    # HSCAN has Redis 7.4's NOVALUES.
    ours[b"hscan"]["tokens"].remove(b"NOVALUES")
    for name in sorted(ours.keys() & theirs.keys()):
        assert ours[name] == theirs[name], name


@pytest.mark.parametrize("words", [
    "set a b", "set a b get", "sort a store b", "sort a by w_* get x_* store b", "sort_ro a by x*",
    "sort a store store b", "sort a store by store b", "sort a store b store c", "sort a store",
    "zunionstore d 2 a b", "zunionstore d 0 a", "object freq k", "zrangestore a b 0 1",
    "lmpop 2 a b left", "lmpop 5 a left", "copy a b", "smove a b c", "sintercard 1 a limit 1",
    "memory usage k", "mset a 1 b 2", "rename a b", "ping", "publish a b", "get", "nosuch x",
    "sinterstore d a b", "getex a", "touch a b c", "bitop and d a b", "pfmerge d a b",
    "pfdebug encoding k", "pfmerge d", "bitfield k get u8 0 overflow sat", "bitfield k set u8 0 1",
    "bitfield k", "bitfield k get u8", "object nosuch k",
    "pfcount a b", "geosearchstore d s frommember a byradius 1 m",
    "georadius k 1 2 3 m", "georadius k 1 2 3 m store d", "georadius k 1 2 3 m store d store e",
    "georadius k 1 2 3 m storedist e store d", "georadius k 1 2 3 m count 1 store",
    "georadiusbymember k m 3 km store d", "georadius_ro k 1 2 3 m store d",
    "xread streams a b 0 0", "xread count 1 block 0 streams streams streams 0 $",
    "xread streams a 0 0", "xread streams", "xread count 1 x", "xread foo streams a 0",
    "xreadgroup group streams streams noack streams a >", "xgroup create k g $", "xinfo stream k"])
def test_getkeys(pair, words):
    for command in ["GETKEYS", "GETKEYSANDFLAGS"]:
        ours, theirs = (c.call("COMMAND", command, *words.split()) for c in pair)
        assert without_order(ours) == without_order(theirs)


@pytest.mark.parametrize("filter", [
    "aclcat list", "aclcat fast", "aclcat dangerous", "aclcat nosuch", "pattern z*",
    "pattern client|*", "module x"])
def test_command_list(pair, filter):
    known = [set(plain(c.call("COMMAND", "LIST"))) for c in pair]
    ours, theirs = (set(plain(c.call("COMMAND", "LIST", "FILTERBY", *filter.split())))
                    for c in pair)
    both = known[0] & known[1]
    assert ours & both == theirs & both


@pytest.mark.parametrize("container", CONTAINERS)
def test_help(pair, container):
    replies = [c.call(container, "HELP") for c in pair]
    if replies[1][0] == "-":
        assert replies[0] == replies[1]
        return
    ours, theirs = ([line.decode() for line in plain(reply)] for reply in replies)
    missing = [line for line in theirs if line not in ours]
    assert len(missing) <= OTHER_HELP.get(container, 0), missing
    assert [x for x in ours if x in theirs] == [x for x in theirs if x in ours]


def test_configuration(pair):
    ours, theirs = (plain_map(c.call("CONFIG", "GET", "*")) for c in pair)
    assert theirs.keys() <= ours.keys()
    differing = {name for name in theirs if ours[name] != theirs[name]}
    assert differing <= OWN_DEFAULTS | PLACES, differing
    own = (b"archive-", b"cold-", b"debug-", b"promotion-", b"tier-", b"set-max-listpack-",
           b"rdb-version", b"checkpoint-", b"log-archive-dir", b"backup-dir")
    assert all(name.startswith(own)
               for name in ours.keys() - theirs.keys()), ours.keys() - theirs.keys()


SECTIONS = ["server", "clients", "memory", "stats", "replication", "cpu", "modules", "keyspace",
            "errorstats", "cluster", "persistence"]


@pytest.mark.parametrize("section", SECTIONS)
def test_information(pair, section):
    texts = [plain(c.call("INFO", section)).decode() for c in pair]
    ours, theirs = (re.findall(r"^(\w+):", text, re.M) for text in texts)
    assert [x for x in ours if x in theirs] == theirs
    heads = [re.findall(r"^# (.*?)\r$", text, re.M) for text in texts]
    assert heads[0] == heads[1]


def test_arity_and_type_errors(pair):
    """Each command without arguments, and on a key of another type."""
    for connection in pair:
        connection.pipeline([["FLUSHALL"], ["SET", "s", "x"], ["RPUSH", "l", "x"]])
    ours = plain(pair[0].call("COMMAND", "LIST"))
    theirs = set(plain(pair[1].call("COMMAND", "LIST")))
    alone = {b"subscribe", b"psubscribe", b"monitor", b"shutdown", b"quit", b"sync", b"psync",
             b"reset", b"debug", b"unsubscribe", b"punsubscribe", b"replconf", b"failover",
             b"replicaof", b"slaveof", b"client", b"ssubscribe", b"sunsubscribe", b"bgsave",
             b"cluster", b"acl|setuser", b"module|load", b"module|loadex", b"module|unload"}
    for name in sorted(set(ours) & theirs - alone):
        words = name.split(b"|")
        for arguments in [[], ["s"], ["l"], ["s", "1"], ["l", "1"], ["l", "1", "1"],
                          ["s", "1", "1"], ["s", "x", "y", "z"]]:
            replies = [c.call(*words, *arguments) for c in pair]
            if "-" in (replies[0][0], replies[1][0]):
                assert replies[0] == replies[1], (words, arguments)
            for connection in pair:
                connection.pipeline([["DISCARD"], ["UNWATCH"]])
        for connection in pair:
            connection.pipeline([["FLUSHALL"], ["SET", "s", "x"], ["RPUSH", "l", "x"]])
