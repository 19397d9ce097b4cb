"""A cold tier whose base is cut into many partitions: what is written, overwritten, deleted and
expires over all of them is what is read, also after crashes, and after they were joined again."""

import random
import signal
import time

from checking import BUILT, check
from conftest import TORTURE, command, scaled

pytestmark = BUILT

KEYS = scaled(40_000)
OPTIONS = {"maxmemory": "4mb", "cold-partition-bytes": "8kb" if TORTURE else "128kb", "archive-retention": "0",
           "checkpoint-interval": "0"}


def tiering(client):
    return client.info("tiering")


def settled(client, isDone, seconds=90):
    """Waits until the cold tier looks as it should."""
    deadline = time.time() + seconds
    while not isDone(tiering(client)):
        assert time.time() < deadline, tiering(client)
        time.sleep(0.05)
    return tiering(client)


def write(server, names, values):
    raw = server.raw()
    for at in range(0, len(names), 500):
        portion = names[at:at + 500]
        raw.send(b"".join(command(b"SET", name, values[name]) for name in portion))
        assert raw.exactly(5 * len(portion)) == b"+OK\r\n" * len(portion)
    raw.close()


def compare(client, values, names):
    names = list(names)
    for at in range(0, len(names), 500):
        portion = names[at:at + 500]
        assert client.mget(portion) == [values.get(name) for name in portion]


def everything(client):
    return {name for name in client.scan_iter(count=1000)}


def test_many_partitions(start):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    server = start(**OPTIONS)
    client = server.client()
    names = [b"key:%d" % n for n in range(KEYS)]
    values = {name: b"%s/%d" % (name, chance.randrange(1 << 30)) * 8 for name in names}
    write(server, chance.sample(names, KEYS), values)
    client.execute_command("BGREWRITEAOF")
    settled(client, lambda found: found["partitions"] >= 4 and found["checkpoint_state"] == "idle")

    # Overwritten, deleted, with an expiry that has passed, here and there.
    again = chance.sample(names, KEYS // 4)
    for name in again:
        values[name] = b"again/" + values[name]
    write(server, again, values)
    for at in range(0, KEYS // 10, 500):
        gone = chance.sample(list(values), 500)
        client.delete(*gone)
        for name in gone:
            del values[name]
    with client.pipeline(transaction=False) as pipe:
        late = chance.sample(list(values), 300)
        for name in late:
            pipe.pexpire(name, 1)
        pipe.execute()
    for name in late:
        del values[name]
    settled(client, lambda found: found["keys_total"] == len(values))
    compare(client, values, chance.sample(names, KEYS // 4))
    assert everything(client) == set(values)

    # A crash, and what is there then.
    server.restart(signal.SIGKILL)
    client = server.client()
    assert client.dbsize() == len(values)
    assert tiering(client)["partitions"] >= 4
    compare(client, values, names)

    # Most of it deleted, and larger partitions: they are joined.
    client.config_set("cold-partition-bytes", "1gb")
    rest = chance.sample(list(values), KEYS // 50)
    gone = list(set(values) - set(rest))
    for at in range(0, len(gone), 1000):
        client.delete(*gone[at:at + 1000])
    values = {name: values[name] for name in rest}
    client.execute_command("BGREWRITEAOF")
    settled(client, lambda found: found["partitions"] <= 1 and found["checkpoint_state"] == "idle")
    compare(client, values, names)
    assert everything(client) == set(values)
    server.stop()
    report = check(server.directory, status=0)
    figures = {part["name"]: part["figures"] for part in report["parts"]}
    assert figures["keys"]["live keys"] == len(values)
