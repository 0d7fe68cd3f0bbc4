import numpy as np
import pytest

from kerasdr.ensembles import EnsembleSpec
from kerasdr.scoring import engine_openvino
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Batch, EnsembleEngine, ensemble_output, scaled
from kerasdr.scoring.graphs import Graphs

FIRST = np.array([[0.6, 0.4, 0.0, 0.0, 0.0], [0.0, 0.0, 0.1, 0.2, 0.7]])
SECOND = np.array([[0.0, 0.2, 0.8, 0.0, 0.0], [0.0, 0.0, 0.9, 0.1, 0.0]])


def maps(side: int, **of_grades: list[list[float]]) -> np.ndarray:
    """One photograph's maps ``(1, side, side, 5)``, ``g2=[[...]]`` for that of grade 2."""
    made = np.zeros((1, side, side, 5), np.float32)
    for name, values in of_grades.items():
        made[0, :, :, int(name[1])] = values
    return made


def test_probabilities_are_combined_by_weight() -> None:
    output = ensemble_output(EnsembleSpec("weighted", (0.75, 0.25)), [FIRST, SECOND], None)
    assert output.probabilities == pytest.approx(np.array([[0.45, 0.35, 0.2, 0.0, 0.0], [0.0, 0.0, 0.3, 0.175, 0.525]]))
    assert output.heatmaps is None


def test_soft_vote_is_the_mean() -> None:
    output = ensemble_output(EnsembleSpec("soft", (0.5, 0.5)), [FIRST, SECOND], None)
    assert output.probabilities == pytest.approx((FIRST + SECOND) / 2)


def test_float32_rows_sum_to_one_in_float64() -> None:
    drawn = np.random.default_rng(1).dirichlet(np.ones(5), (2, 100)).astype(np.float32)
    output = ensemble_output(EnsembleSpec("soft", (0.5, 0.5)), list(drawn), None)
    assert output.probabilities.dtype == np.float64
    assert np.abs(output.probabilities.sum(axis=1) - 1).max() < 1e-12


def test_heat_map_is_that_of_the_ensembles_grade_and_each_member_counts_by_its_weight() -> None:
    # The ensemble says 0; the second member alone would have said 2, and its features are of a far larger scale.
    output = ensemble_output(
        EnsembleSpec("weighted", (0.75, 0.25)),
        [FIRST[:1], SECOND[:1]],
        [
            maps(2, g0=[[4, 0], [0, 0]], g1=[[0, 9], [0, 0]], g2=[[0, 9], [9, 9]]),
            maps(2, g0=[[0, 0], [0, 1000]], g2=[[5000, 5000], [5000, 5000]]),
        ],
    )
    assert output.heatmaps is not None
    assert output.heatmaps.dtype == np.float32
    assert output.heatmaps[0] == pytest.approx(np.array([[1, 0], [0, 1 / 3]]))


def test_maps_of_different_sizes_are_brought_to_the_largest() -> None:
    output = ensemble_output(
        EnsembleSpec("soft", (0.5, 0.5)), [FIRST[:1], FIRST[:1]], [maps(1, g0=[[3]]), maps(2, g0=[[0, 2], [0, 1]])]
    )
    assert output.heatmaps is not None
    # (1 + [0, 1; 0, 0.5]) / 2, divided by its maximum of 1
    assert output.heatmaps[0] == pytest.approx(np.array([[0.5, 1.0], [0.5, 0.75]]))


def test_member_without_maps_still_votes() -> None:
    output = ensemble_output(
        EnsembleSpec("weighted", (0.25, 0.75)),
        [FIRST[:1], SECOND[:1]],
        [None, maps(2, g0=[[9, 0], [0, 0]], g2=[[0, 1], [0, 2]])],
    )
    assert output.probabilities[0].argmax() == 2
    assert output.heatmaps is not None
    assert output.heatmaps[0].tolist() == [[0, 0.5], [0, 1]]


def test_each_photograph_has_its_own_scale() -> None:
    both = np.concatenate([maps(2, g0=[[1, 0], [0, 0]]), maps(2, g4=[[0, 0], [0, 500]])])
    output = ensemble_output(EnsembleSpec("soft", (1.0,)), [FIRST], [both])
    assert output.heatmaps is not None
    assert output.heatmaps.tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 1]]]


def test_map_without_evidence_stays_zero() -> None:
    output = ensemble_output(EnsembleSpec("soft", (1.0,)), [FIRST[:1]], [maps(2)])
    assert output.heatmaps is not None
    assert output.heatmaps.tolist() == [[[0, 0], [0, 0]]]
    assert scaled(np.zeros((2, 2), np.float32)).tolist() == [[0, 0], [0, 0]]


def test_nan_of_a_member_is_never_a_grade() -> None:
    broken = FIRST.copy()
    broken[1, 2] = np.nan
    with pytest.raises(ValueError, match="not a finite number"):
        ensemble_output(EnsembleSpec("soft", (0.5, 0.5)), [FIRST, broken], None)


def test_length_of_a_batch_is_its_photographs() -> None:
    assert len(Batch([np.zeros((3, 8, 8, 3), np.uint8)], {}, {})) == 3


def test_openvino_meets_numpy_in_one_thread_before_there_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Enough(Exception):
        pass

    happened: list[str] = []

    def threads(count: int) -> None:
        happened.append("threads")
        raise Enough

    monkeypatch.setattr(EnsembleEngine, "__init__", lambda *arguments: None)
    monkeypatch.setattr(engine_openvino, "meet_numpy", lambda openvino: happened.append("numpy"))
    monkeypatch.setattr(engine_openvino, "ThreadPoolExecutor", threads)
    graphs = Graphs("openvino", "2026.4", "float32", {}, {})
    bundle = Bundle("empty", "", (), EnsembleSpec("soft", ()), 1.0, {}, graphs={"openvino": graphs})
    with pytest.raises(Enough):
        engine_openvino.OpenVINOEngine(bundle, cores=2)
    assert happened == ["numpy", "threads"]
