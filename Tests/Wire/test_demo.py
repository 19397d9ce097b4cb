"""The demo on real data, made small: the same steps with the first packages of the index."""

import os
import subprocess

import pytest
from conftest import BINARY, ROOT, TORTURE


@pytest.mark.skipif(TORTURE, reason="a tenth of the memory is too little for that mode")
def test_demo():
    dump = os.environ.get("FIRN_DUMP", os.path.join(os.path.dirname(BINARY), "firn-dump"))
    command = [ROOT / "tools" / "demo", "--packages", "1500", "--kills", "2"]
    environment = {**os.environ, "FIRN_SERVER": BINARY, "FIRN_DUMP": dump}
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "All as it should be" in result.stdout
