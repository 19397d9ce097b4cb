"""Fields that expire and conditional writes beside a model; see field_runs.py for long runs."""

import os
import time

import pytest

from field_runs import differ

COMMANDS = int(os.environ.get("FIRN_DIFFERENTIAL_COMMANDS", 12_000))

# Torture is one of its own modes.
pytestmark = pytest.mark.skipif(
    os.environ.get("FIRN_TORTURE") == "1", reason="runs in each mode already")


@pytest.mark.parametrize("mode", ["normal", "torture", "untiered"])
def test_same_as_the_model(mode):
    seed = int(os.environ.get("FIRN_SEED", time.time()))
    print("seed", seed)
    failure = differ(seed, COMMANDS, torture=mode == "torture", untiered=mode == "untiered")
    assert not failure, failure
