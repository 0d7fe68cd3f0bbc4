import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pandas as pd
import pytest

from kerasdr.evaluation.figures import Series, kappa_chart, training_curves
from kerasdr.evaluation.intervals import Interval

BLUE, ORANGE = np.array([180, 119, 31]), np.array([14, 127, 255])  # BGR of the two lines


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


def pixels(data: bytes, colour: np.ndarray) -> int:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return int((np.abs(picture.astype(int) - colour).max(axis=2) < 12).sum())


def words(svg: bytes) -> str:
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return " ".join(root.itertext())


def test_curves_are_a_png_with_both_lines() -> None:
    data = training_curves(history(8))
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] > 2.5 * picture.shape[0]
    assert pixels(data, BLUE) > 100 and pixels(data, ORANGE) > 100
    assert training_curves(history(8)) == data


def test_one_epoch_is_enough() -> None:
    assert training_curves(history(1)).startswith(b"\x89PNG")


def test_curves_are_an_svg_whose_text_is_text() -> None:
    data = training_curves(history(8), history(5), format="svg", title="ResNet18, seeds 40, 41")
    text = words(data)
    for word in ("Loss", "Accuracy", "training", "validation", "finetune", "ResNet18, seeds 40, 41"):
        assert word in text
    assert training_curves(history(8), history(5), format="svg", title="ResNet18, seeds 40, 41") == data


def test_trainings_are_drawn_over_one_another() -> None:
    one, two = history(8), history(8)
    two["loss"] += 0.5
    assert training_curves(one, two) != training_curves(one)


@pytest.mark.parametrize("format", ["png", "svg"])
def test_a_chart_of_kappas_with_and_without_intervals(format: str) -> None:
    ours = [Interval(0.5, 0.4, 0.6, 0.95, 40, 10), None, Interval(0.7, float("nan"), float("nan"), 0.95, 4, 1)]
    series = [Series("Average test", ours), Series("Best test, published", [0.8, None, 0.9], "x", "tab:orange")]
    data = kappa_chart(["one", "two", "three"], series, format=format, title="Table 2")  # type: ignore[arg-type]
    if format == "png":
        assert pixels(data, BLUE) > 50 and pixels(data, ORANGE) > 20
    else:
        text = words(data)
        assert all(word in text for word in ("one", "two", "three", "Average test", "published", "Table 2"))


def test_a_chart_without_a_single_figure_is_still_a_chart() -> None:
    assert kappa_chart(["one"], [Series("Average test", [None])]).startswith(b"\x89PNG")
