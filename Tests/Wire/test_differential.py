"""Random commands side by side with redis-server; see differential.py for long runs."""

import os
import random

import pytest

from differential import differ

COMMANDS = int(os.environ.get("FIRN_DIFFERENTIAL_COMMANDS", 15_000))


@pytest.mark.parametrize("mode", ["normal", "torture", "small memory"])
def test_same_as_redis(mode):
    seed = int(os.environ.get("FIRN_SEED", random.randrange(1 << 32)))
    print("seed", seed)
    maxmemory = "1mb" if mode == "small memory" else None
    failure = differ(seed, COMMANDS, torture=mode == "torture", maxmemory=maxmemory, restarts=True)
    assert not failure, failure
