"""Scoring as one would write it on an afternoon: the yardstick that the job is measured against.

cv2.imread, the recipe at full size, ``model.predict`` a photograph, tf-keras-vis's Gradcam, matplotlib's overlay. The networks
are the bundle's own, so that grades can be compared.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from kerasdr.imaging.retina import find_retina
from kerasdr.imaging.steps import circular_crop, clahe
from kerasdr.scoring.bundle import Bundle


class PlainStack:
    """Holds a bundle's single networks, ready to grade."""

    def __init__(self, bundle: Bundle) -> None:
        import keras
        from tf_keras_vis.gradcam import Gradcam

        from kerasdr.scoring.engine_keras import build_network

        self.sizes = [member.recipe.size for member in bundle.members]
        self.networks = [build_network(member) for member in bundle.members]
        logits = [keras.Model(list(net.inputs), net.get_layer("logits").output) for net in self.networks]
        self.gradcams = [Gradcam(model, clone=False) for model in logits]

    def grade(self, photographs: Sequence[Path], out: Path) -> np.ndarray:
        """Grade photographs into a CSV and overlays, and return probabilities, ``(n, 5)``."""
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
        from tf_keras_vis.utils.scores import CategoricalScore

        out.mkdir(exist_ok=True)
        every = []
        with open(out / "grades.csv", "w", newline="") as file:
            writer = csv.writer(file)
            for path in photographs:
                rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
                disc = find_retina(rgb)
                enhanced = clahe(circular_crop(rgb, 2 * round(disc.radius), disc))
                inputs = [cv2.resize(enhanced, (size, size), interpolation=cv2.INTER_AREA) for size in self.sizes]
                given = [
                    np.asarray(net.predict(image[None].astype(np.float32), verbose=0))[0]
                    for net, image in zip(self.networks, inputs, strict=True)
                ]
                probabilities = np.mean(given, axis=0)
                grade = int(probabilities.argmax())
                maps = [
                    gradcam(
                        CategoricalScore([grade]),
                        image[None].astype(np.float32),
                        penultimate_layer="features",
                        seek_penultimate_conv_layer=False,
                    )[0]
                    for gradcam, image in zip(self.gradcams, inputs, strict=True)
                ]
                figure, axes = plt.subplots(1, 2, figsize=(11, 5.5))
                axes[0].imshow(inputs[0])
                axes[1].imshow(inputs[0])
                axes[1].imshow(
                    np.mean([cv2.resize(m, inputs[0].shape[:2]) for m in maps], axis=0), cmap="jet", alpha=0.5
                )
                figure.suptitle(f"grade {grade}, {probabilities[grade]:.2f}")
                figure.savefig(out / f"{path.stem}.png")
                plt.close(figure)
                writer.writerow([path.name, grade, *probabilities])
                every.append(probabilities)
        return np.array(every)
