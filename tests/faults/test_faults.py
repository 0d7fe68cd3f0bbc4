"""Faults at some operations on files of a small job; `make faults` tries them all."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KILLED, FAILED = 1, -5


@pytest.mark.parametrize(
    ("how", "code", "said", "words"),
    [
        (KILLED, -9, "", ""),
        (KILLED, 3, "", "left with 3, and was to be killed"),
        (FAILED, 3, "warning: no summary\n", ""),
        (FAILED, 4, "error: the disk is full\n", ""),
        (FAILED, 1, "error: no permission\n", ""),
        (FAILED, 3, "error: the disk is full\n", "left with 3 and 1 lines of errors"),
        (FAILED, 4, "", "left with 4 and 0 lines of errors"),
        (FAILED, 0, "", "left with 0 and 0 lines of errors"),
        (FAILED, 6, "error: other answers\n", "left with 6 and 1 lines of errors"),
        (FAILED, -11, "", "left with -11 and 0 lines of errors"),
        (FAILED, 1, "Traceback (most recent call last):\nOSError: 5\n", "left with 1 and said 'OSError: 5'"),
    ],
)
def test_how_a_job_with_a_fault_may_end(
    how: int, code: int, said: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    spec = importlib.util.spec_from_file_location("faults_program", HERE / "__main__.py")
    assert spec is not None and spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, program)
    spec.loader.exec_module(program)
    assert program._unfit(how, code, said, program.Calm(3, 177, {}, [])) == words


@pytest.mark.skipif(sys.platform != "linux" or not (shutil.which("cc") or shutil.which("gcc")), reason="no C compiler")
def test_a_job_survives_faults_and_power_failures(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(HERE), "--every", "45", "--states", "25", "--json", str(figures)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(figures.read_text())
    assert told["operations"] > 100 and told["answers"] == 6
    for trial in told["trials"]:
        assert trial["tried"] >= 3 and trial["survived"] == trial["tried"] and not trial["unfit"], trial
    codes = {trial["fault"]: set(trial["exit_codes"]) for trial in told["trials"]}
    assert codes["killed before"] == codes["killed after"] == {"-9"}
