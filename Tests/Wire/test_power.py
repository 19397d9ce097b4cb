"""Nothing that was acknowledged is lost when the machine loses its power, whatever the disk then
made of what was not synced."""

import os
import random

import pytest

from power import Lost, power

POINTS = int(os.environ.get("FIRN_POWER_POINTS", 70))
CASES = [("always", {"maxmemory": "2mb"}), ("everysec", {"maxmemory": "2mb"}),
         ("everysec", {"cold_tier": "no"})]

# Spilling after every command is no other way to the disk than memory that is full.
pytestmark = pytest.mark.skipif(
    os.environ.get("FIRN_TORTURE") == "1", reason="spills by itself")


def seed():
    number = int(os.environ.get("FIRN_SEED", random.randrange(1 << 32)))
    print("seed", number)
    return number


@pytest.mark.parametrize("policy, options", CASES)
def test_power_is_lost_at_any_moment(policy, options):
    power(seed(), POINTS, appendfsync=policy, **options)


@pytest.mark.parametrize("path", [".incr.aof", "data.mdb", "appendonlydir"])
def test_a_disk_that_lies_is_found_out(path):
    """The test itself: syncs that do nothing must show."""
    with pytest.raises(Lost):
        power(seed(), POINTS, seconds=0.7, lies=lambda name: name.endswith(path),
              appendfsync="always", maxmemory="2mb")
