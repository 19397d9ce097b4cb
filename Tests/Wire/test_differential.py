"""Random commands side by side with redis-server; see differential.py for long runs."""

import os

import pytest

from differential import differ

COMMANDS = int(os.environ.get("FIRN_DIFFERENTIAL_COMMANDS", 8_000))
SEEDS = {"normal": [1, 11, 21], "torture": [2, 12, 22], "small memory": [3, 13, 23],
         "untiered": [4, 14]}

# Torture is one of its own modes.
pytestmark = pytest.mark.skipif(
    os.environ.get("FIRN_TORTURE") == "1", reason="runs in each mode already")


@pytest.mark.parametrize("mode, seed", [(m, seed) for m in SEEDS for seed in SEEDS[m]])
def test_same_as_redis(mode, seed):
    seed = int(os.environ.get("FIRN_SEED", seed))
    print("seed", seed)
    maxmemory = "1mb" if mode == "small memory" else None
    failure = differ(seed, COMMANDS, torture=mode == "torture", maxmemory=maxmemory, restarts=True,
                     untiered=mode == "untiered")
    assert not failure, failure
