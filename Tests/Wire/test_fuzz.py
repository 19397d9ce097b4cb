"""Hostile input for a bounded time; see fuzz.py for long runs."""

import os

import pytest

from fuzz import PARTS, fuzz

SECONDS = float(os.environ.get("FIRN_FUZZ_SECONDS", 8))

# Torture is one of its own modes.
pytestmark = pytest.mark.skipif(
    os.environ.get("FIRN_TORTURE") == "1", reason="has a case of its own for it")


@pytest.mark.parametrize("part", list(PARTS))
def test_hostile(part):
    seed = int(os.environ.get("FIRN_SEED", 1))
    print("seed", seed)
    assert fuzz(part, seed, SECONDS)


def test_hostile_arguments_while_every_key_spills():
    assert fuzz("arguments", int(os.environ.get("FIRN_SEED", 2)), SECONDS, torture=True)
