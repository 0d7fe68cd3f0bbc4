"""A few rounds of jobs on one output and of photographs that change; `make races` runs many."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="jobs are forked: not on Windows")
def test_few_races(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(HERE), "--only", "jobs", "--only", "moving", "--rounds", "2", "--files", "20"]
    ran = subprocess.run([*command, "--json", str(figures)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(figures.read_text())
    assert found["jobs"]["jobs by exit code"]["5"] >= 1 and found["jobs"]["jobs by exit code"].get("-9") == 1
    assert found["moving"]["answers of the disturbed runs by status"]["graded"] > 0
