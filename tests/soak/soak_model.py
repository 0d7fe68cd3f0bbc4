"""A model for long trials: the demo's ensemble with random weights and graphs for OpenVINO."""

import os
import subprocess
import sys
from pathlib import Path


def make_model(folder: Path) -> Path:
    """Write a bundle of the demo's ensemble with random weights, in a process of its own, which loads TensorFlow."""
    code = (
        "import sys; from pathlib import Path; from kerasdr.config import load; from kerasdr.ensembles import EnsembleSpec\n"
        "from kerasdr.imaging.recipes import get_recipe; from kerasdr.models import build_classifier, get_weights\n"
        "from kerasdr.scoring.build import rebuild; from kerasdr.scoring.bundle import BundleMember, write_bundle\n"
        "folder = Path(sys.argv[1]); members = []\n"
        "for m in load('demo').members:\n"
        "    weights = get_weights(build_classifier(m.model, m.imaging.size, seed=m.seed))\n"
        "    members.append(BundleMember(m.name, m.model, get_recipe(m.imaging.recipe, m.imaging.size), weights))\n"
        "spec = EnsembleSpec('soft', (1 / len(members),) * len(members))\n"
        "write_bundle(folder, name='soak', members=members, ensemble=spec, validation={})\n"
        "rebuild(folder, ['openvino'])\n"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, env=environment, stderr=subprocess.DEVNULL)
    return folder
