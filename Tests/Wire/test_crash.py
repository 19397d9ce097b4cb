"""Nothing that was acknowledged is lost and nothing is half done when the process is killed."""

import os
import random

import pytest

from crash import crash

ROUNDS = int(os.environ.get("FIRN_CRASH_ROUNDS", 30))
CASES = [("always", None), ("everysec", None), ("no", None), ("always", "2mb"),
         ("everysec", "2mb"), ("no", "2mb")]

# Torture is one of its own modes.
pytestmark = pytest.mark.skipif(
    os.environ.get("FIRN_TORTURE") == "1", reason="has a case of its own for it")


@pytest.mark.parametrize("policy, maxmemory", CASES)
def test_killed_again_and_again(policy, maxmemory):
    seed = int(os.environ.get("FIRN_SEED", random.randrange(1 << 32)))
    print("seed", seed)
    options = {"maxmemory": maxmemory} if maxmemory else {}
    crash(seed, max(1, ROUNDS // len(CASES)), appendfsync=policy, **options)


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_killed_without_a_cold_tier(policy):
    """BGREWRITEAOF makes bases all the time."""
    crash(random.randrange(1 << 32), max(1, ROUNDS // 6), appendfsync=policy, cold_tier="no")


def test_killed_while_every_key_spills():
    crash(random.randrange(1 << 32), max(1, ROUNDS // 10), appendfsync="everysec",
          debug_spill_every_command="yes")


@pytest.mark.parametrize("policy, tier", [("always", "yes"), ("everysec", "yes"), ("always", "no")])
def test_killed_while_all_is_flushed(policy, tier):
    crash(random.randrange(1 << 32), max(1, ROUNDS // 10), flushall=True, appendfsync=policy,
          cold_tier=tier)
