"""Damage in the metadata of the cold tier: the server refuses it, firn-check names it."""

import random
import re

import pytest
from checking import check, copy, killed, stopped  # noqa: F401
from conftest import BINARY, Server
from test_restore import refused


PAGE, NODE_HEADER, UPPER = 4096, 8, 14


def rows(directory, key):
    """Where values of a row's name stand in the data file, old versions of pages included. What is
    left of older rows in a page's gap does not count: live ones may begin in the middle of it."""
    data = (directory / "cold" / "data.mdb").read_bytes()
    places = []
    for match in re.finditer(re.escape(key), data):
        page, node = divmod(match.start() - NODE_HEADER, PAGE)
        # LMDB's page: its rows are behind the offset `upper`.
        upper = int.from_bytes(data[page * PAGE + UPPER:page * PAGE + UPPER + 2], "little")
        if node >= upper:
            # The value follows the key.
            places.append(match.end())
    return places


def spoil(directory, key, offset=0):
    places = rows(directory, key)
    assert places
    with open(directory / "cold" / "data.mdb", "r+b") as file:
        for at in places:
            file.seek(at + offset)
            byte = file.read(1)[0]
            file.seek(at + offset)
            file.write(bytes([byte ^ 4]))


@pytest.mark.parametrize("name", ["counts", "stream", "checkpoint", "firn.secret", "firn.id"])
def test_a_start_refuses_a_damaged_row(killed, copy, name):  # noqa: F811
    directory = copy(killed)
    spoil(directory, name.encode(), random.Random(name).randrange(8))
    assert f"its metadata row '{name}' fails its check; see firn-check" in refused(directory)
    report = check(directory, status=1)
    assert any(f"row '{name}' fails its check" in f["text"] for f in report["findings"]), report


def test_counts_are_mended(killed, copy):  # noqa: F811
    directory = copy(killed)
    server = Server(directory, {})
    server.start()
    size = server.client().dbsize()
    server.stop()
    spoil(directory, b"counts", 4)
    refused(directory)
    check(directory, "--fix", status=2)
    check(directory, status=0)
    server.start()
    assert server.client().dbsize() == size
    server.stop()
