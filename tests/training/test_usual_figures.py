"""The limits beyond which photographs are doubtful are of training and validation photographs that nobody calls ungradable."""

from pathlib import Path

import numpy as np
import pandas as pd

from kerasdr.training.drift_reference import usual_figures
from kerasdr.training.prepared import PreparedPhotographs


def test_limits_are_of_good_photographs_of_training_and_validation() -> None:
    table = pd.DataFrame(
        {
            "split": ["train", "train", "validation", "test", "", "train", "train"],
            "quality": ["", "gradable", "", "", "", "ungradable", ""],
        }
    )
    # The last could not be read; those of the test part, of none, and called ungradable are the most blurred.
    prepared = PreparedPhotographs(
        np.zeros((7, 8, 8, 3), np.uint8),
        ("", "", "", "", "", "", "cannot be read"),
        np.zeros((7, 64, 64), np.int8),
        ("x",) * 7,
        Path("looks.npy"),
        tuple({"sharpness": value} for value in (0.6, 0.7, 0.5, 0.1, 0.2, 0.3, 0.0)),
    )
    found = usual_figures(table, prepared, 0.01)
    assert found is not None
    assert (found.limits, found.photographs, found.doubtful) == ({"soft": 0.5}, 3, 0)
    assert usual_figures(table, prepared, 0.0) is None
