"""Faults at some operations on files of a small job; `make faults` tries them all."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(sys.platform != "linux" or not (shutil.which("cc") or shutil.which("gcc")), reason="no C compiler")
def test_a_job_survives_faults_and_power_failures(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(HERE), "--every", "45", "--states", "25", "--json", str(figures)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(figures.read_text())
    assert told["operations"] > 100 and told["answers"] == 6
    for trial in told["trials"]:
        assert trial["tried"] >= 3 and trial["survived"] == trial["tried"], trial
    codes = {trial["fault"]: set(trial["exit_codes"]) for trial in told["trials"]}
    assert codes["killed before"] == codes["killed after"] == {"-9"}
