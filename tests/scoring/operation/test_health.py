import os
from pathlib import Path
from typing import Any

import pytest

from kerasdr.scoring.ledger.book import Run
from kerasdr.scoring.operation.health import judge_health

NOW = 1_767_265_200.0  # 2026-01-01 11:00 UTC
OUT = Path("/srv/grades.csv")


def run(time: str | None = "2026-01-01T10:00:00+00:00", csv: Path = OUT, **changes: Any) -> Run:
    ended = {"how": "complete", "listed": 300, "counts": {"failed": 0, "waiting": 0}, "time": time, **changes}
    if time is None:
        return Run(1, {"csv": str(csv)}, 1, None)
    return Run(1, {"csv": str(csv)}, 1, ended)


def test_a_young_complete_job_is_well() -> None:
    health = judge_health([run()], OUT, 26 * 3600, NOW)
    assert health.well and health.sentence == "the last job of /srv/grades.csv ended 1.0 h ago: 300 listed"
    health = judge_health([run(counts={"failed": 2, "waiting": 0})], OUT, 26 * 3600, NOW + 0.5)
    assert health.well and health.sentence.endswith(": 300 listed, 2 failed")


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([], "no job of /srv/grades.csv has ended yet: see what starts it"),
        ([run(None)], "no job of /srv/grades.csv has ended yet: see what starts it"),
        ([run("2025-12-31T08:59:00+00:00")], "ended 26.0 h ago, more than 26.0 h: see what starts it"),
        ([run(), run(how="time limit")], "did not come to its end (time limit): give the same command again"),
        ([run(), run(how="OSError", counts={})], "did not come to its end (OSError): give the same command again"),
        ([run(counts={"failed": 0, "waiting": 7})], "left 7 of 300 photographs waiting: give the same command again"),
        (
            [run("2026-01-01T13:00:00+02:00"), run("2026-01-01T12:00:00+00:00")],
            "ended 1.0 h from now: set this machine's",
        ),
        ([run(csv=Path("/srv/other.csv"))], "no job of /srv/grades.csv has ended yet"),
    ],
)
def test_what_is_not_well_says_why(runs: list[Run], words: str) -> None:
    health = judge_health(runs, OUT, 26 * 3600, NOW)
    assert not health.well and words in health.sentence and "\n" not in health.sentence


def test_the_age_is_compared_to_the_second() -> None:
    assert judge_health([run()], OUT, 3600, NOW).well
    assert not judge_health([run()], OUT, 3599, NOW).well


def test_a_job_at_work_does_not_count() -> None:
    assert judge_health([run(), run(None)], OUT, 7200, NOW).well


def test_a_ledger_of_before_that_tells_no_time_is_not_well() -> None:
    older = run()
    assert isinstance(older.ended, dict)
    del older.ended["time"]
    assert "does not say when" in judge_health([older], OUT, 7200, NOW).sentence


def test_a_shared_ledger_tells_outputs_apart_and_a_moved_folder_is_known_by_name() -> None:
    good, bad = run(), run(csv=Path("/srv/b/grades.csv"), how="time limit")
    assert judge_health([good, bad], OUT, 7200, NOW).well
    assert not judge_health([good, bad], Path("/srv/b/grades.csv"), 7200, NOW).well
    assert judge_health([good], Path("/container/grades.csv"), 7200, NOW).well
    assert judge_health([run(csv=Path(os.path.abspath("grades.csv")))], Path("grades.csv"), 7200, NOW).well
