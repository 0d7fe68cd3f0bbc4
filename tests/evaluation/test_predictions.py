from pathlib import Path

import numpy as np
import pandas as pd

from kerasdr.evaluation.predictions import read_predictions, write_predictions
from kerasdr.grades import referable_probability


def test_probabilities_that_differ_do_not_tie_in_the_file(tmp_path: Path) -> None:
    table = pd.DataFrame({"image_id": list("abcd"), "patient_id": list("abcd"), "eye": "left"})
    grades, low = np.array([0, 2, 1, 3]), np.array([1e-7, 2e-7, 0.3, 0.3000001])
    probabilities = np.zeros((4, 5), dtype=np.float32)
    probabilities[:, 0], probabilities[:, 3] = 1.0 - low, low
    write_predictions(tmp_path / "p.csv", table, np.arange(4), grades, probabilities)
    kept = read_predictions(tmp_path / "p.csv")[[f"prob_{grade}" for grade in range(5)]].to_numpy()
    assert np.array_equal(kept.astype(np.float32), probabilities)
    assert np.array_equal(np.argsort(referable_probability(kept)), [0, 1, 2, 3])
