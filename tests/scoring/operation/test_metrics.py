import re
from pathlib import Path

import pytest

from kerasdr.errors import StorageError
from kerasdr.scoring.ledger.chain import Head
from kerasdr.scoring.operation.metrics import Metrics, read_last
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.rows import Row

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')
_SAMPLE = re.compile(rf"({_NAME})\{{(.*)\}} (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


def parse(text: str) -> dict[str, tuple[dict[str, str], float]]:
    """The text exposition format 0.0.4, read strictly: HELP, TYPE and one sample for each metric."""
    assert text.endswith("\n") and not text.endswith("\n\n")
    lines = text.splitlines()
    found = {}
    for help_line, type_line, sample in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        match = _SAMPLE.fullmatch(sample)
        assert match, sample
        name, inside, value = match.groups()
        assert re.fullmatch(rf"# HELP {name} [^\\\n]+", help_line) and type_line == f"# TYPE {name} gauge"
        labels, position = {}, 0
        for label in _LABEL.finditer(inside):
            assert label.start() == position, sample
            position = label.end() + 1
            labels[label[1]] = re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], label[2])
        assert position == len(inside) + 1, sample
        assert name not in found
        found[name] = labels, float(value)
    return found


def values(metrics: Metrics) -> dict[str, float]:
    return {name.removeprefix("kerasdr_job_"): value for name, (_, value) in parse(metrics.to_text()).items()}


def summary(*rows: Row) -> Summary:
    return Summary(rows, Path("g.csv"), None, Path("g.ledger"), Head(1, "0" * 64))


ROWS = (
    Row("a", "graded", grade=3, referable=True),
    Row("b", "graded", grade=1, referable=False),
    Row("c", "ungradable"),
    Row("d", "failed"),
    Row("e", "failed"),
    Row("f", "waiting"),
)


def test_a_finished_job() -> None:
    metrics = Metrics("grades.csv", "1.2.3", "demo@0123").ended(1_700_000_000.5, 12.0, 4, summary(*ROWS), taken=3)
    found = parse(metrics.to_text())
    assert found.pop("kerasdr_build_info") == (
        {"output": "grades.csv", "version": "1.2.3", "bundle": "demo@0123"},
        1.0,
    )
    assert {name: value for name, (labels, value) in found.items() if labels == {"output": "grades.csv"}} == {
        "kerasdr_job_last_end_timestamp_seconds": 1_700_000_000.5,
        "kerasdr_job_exit_code": 4,
        "kerasdr_job_duration_seconds": 12.0,
        "kerasdr_job_listed": 6,
        "kerasdr_job_graded": 2,
        "kerasdr_job_ungradable": 1,
        "kerasdr_job_failed": 2,
        "kerasdr_job_waiting": 1,
        "kerasdr_job_referable": 1,
        "kerasdr_job_images_per_second": 0.25,
        "kerasdr_job_running": 0,
    }


def test_while_a_job_is_at_work_the_last_ones_values_stand(tmp_path: Path) -> None:
    path = tmp_path / "kerasdr.prom"
    ended = Metrics("g.csv", "1", "b").ended(1_700_000_000.0, 5.0, 0, summary(*ROWS[:2]), taken=2)
    ended.write(path)
    again = Metrics("g.csv", "1", "b", read_last(path, "g.csv"))
    assert values(again) == values(ended)
    running = values(again.at_work(1_700_086_400.0, 300, 17))
    assert (running["running"], running["running_listed"], running["running_done"]) == (1, 300, 17)
    assert running["running_since_timestamp_seconds"] == 1_700_086_400.0
    assert (running["last_end_timestamp_seconds"], running["graded"], running["exit_code"]) == (1_700_000_000.0, 2, 0)
    done = values(again.at_work(0.0, 300, 17).ended(1_700_086_500.0, 9.0, 0, summary(*ROWS[:2])))
    assert done["running"] == 0 and "running_listed" not in done


def test_what_is_not_known_is_left_out() -> None:
    failed = values(Metrics("g.csv", "1", "b").ended(1.0, 2.0, 6))
    assert (failed["exit_code"], failed["duration_seconds"]) == (6, 2.0)
    assert not {"listed", "graded", "failed", "waiting", "referable", "images_per_second"} & set(failed)
    # All answers were known: nothing was read, so no speed is known.
    assert "images_per_second" not in values(Metrics("g.csv", "1", "b").ended(1.0, 2.0, 0, summary(*ROWS), taken=0))
    assert "last_end_timestamp_seconds" not in values(Metrics("g.csv", "1", "b"))


def test_labels_are_escaped(tmp_path: Path) -> None:
    name = 'a"b\\n\nc}  {.csv'
    path = tmp_path / "kerasdr.prom"
    metrics = Metrics(name, "1", "b").ended(1.0, 2.0, 0, summary(*ROWS))
    assert parse(metrics.to_text())["kerasdr_build_info"][0]["output"] == name
    metrics.write(path)
    assert read_last(path, name) == metrics.last
    assert read_last(path, "other.csv") == {}


def test_the_file_is_for_everybody_to_read_and_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "kerasdr.prom"
    Metrics("g.csv", "1", "b").write(path)
    assert path.stat().st_mode & 0o777 == 0o644
    assert [found.name for found in tmp_path.iterdir()] == ["kerasdr.prom"]
    with pytest.raises(StorageError):
        Metrics("g.csv", "1", "b").write(tmp_path / "gone" / "kerasdr.prom")


@pytest.mark.parametrize("text", ["", "x", 'kerasdr_job_listed{output="g"} many\n', "kerasdr_job_listed 3\n", "\0"])
def test_a_file_of_something_else_tells_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "kerasdr.prom"
    path.write_text(text)
    assert read_last(path, "g") == {}
    assert read_last(tmp_path / "gone.prom", "g") == {}
