import cv2
import numpy as np

from kerasdr.evaluation.explanation_figures import evidence_figure
from kerasdr.evaluation.perturbation import FILLS, WAYS
from kerasdr.evaluation.sanity_checks import make_stage


def test_curves_and_checks_are_drawn() -> None:
    line = np.linspace(1, 0, 6)
    curves = {(name, way, fill): line for name in ("gradcam", "centre prior") for way in WAYS for fill in FILLS}
    stages = [
        make_stage(kind, layers, 0.5, np.full((2, 3), 0.4), np.full((2, 3), 0.4), ["a", "b", "c"])
        for kind in ("cascade", "independent")
        for layers in ("logits", "logits to conv")
    ]
    text = evidence_figure(curves, stages, ["gradcam"], title="of phantoms", format="svg").decode()
    for words in (
        "of phantoms",
        "Deletion, black",
        "Insertion, from blurred",
        "centre prior",
        "to conv",
        "Random weights",
    ):
        assert words in text
    bare = evidence_figure({}, [], ["gradcam"], format="svg").decode()
    assert bare.count("not drawn") == 4
    picture = cv2.imdecode(np.frombuffer(evidence_figure(curves, stages, ["gradcam"]), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] > 1200
