import cv2
import numpy as np
import pandas as pd

from kerasdr.evaluation.figures import training_curves


def history(epochs: int) -> pd.DataFrame:
    steps = np.arange(1, epochs + 1)
    return pd.DataFrame(
        {
            "epoch": steps,
            "stage": np.where(steps <= 3, "head", "finetune"),
            "loss": 1 / steps,
            "accuracy": 1 - 1 / steps,
            "val_loss": 1.2 / steps,
            "val_accuracy": 1 - 1.2 / steps,
            "val_quadratic_kappa": 1 - 1 / steps,
        }
    )


def test_curves_are_a_png_with_both_lines() -> None:
    data = training_curves(history(8))
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] > 2.5 * picture.shape[0]
    blue, orange = np.array([180, 119, 31]), np.array([14, 127, 255])  # BGR of the two lines
    assert (np.abs(picture.astype(int) - blue).max(axis=2) < 12).sum() > 100
    assert (np.abs(picture.astype(int) - orange).max(axis=2) < 12).sum() > 100
    assert training_curves(history(8)) == data


def test_one_epoch_is_enough() -> None:
    assert training_curves(history(1)).startswith(b"\x89PNG")
