"""Scoring does not need TensorFlow in memory unless the Keras engine is what runs it."""

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.build import rebuild
from kerasdr.scoring.bundle import BundleMember, write_bundle
from kerasdr.scoring.graphs import GRAPH_ENGINES, GraphEngine

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from kerasdr import load_bundle, run_job
from kerasdr.scoring.engine import EngineOutput

class Engine:
    def predict(self, batch):
        n = len(batch)
        return EngineOutput(np.tile([0.1, 0.1, 0.6, 0.1, 0.1], (n, 1)), np.ones((n, 4, 4), np.float32))

folder = Path(sys.argv[1])
bundle = load_bundle(folder / "bundle")
summary = run_job([str(folder / "a.png")], bundle, folder / "out.csv", factory=lambda *options: Engine())
print(summary.sentence())
heavy = {"tensorflow", "keras", "keras_cv", "tf_keras_vis", "sklearn", "matplotlib", "scipy", "pandas", "click"}
print(sorted(heavy & set(sys.modules)))
"""

FOREIGN = "foreign = sys.argv.pop(1).split()"

COMMAND = """
import importlib.abc
import sys

engine, folder, *foreign = sys.argv[1:]


class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in foreign:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
from kerasdr.cli.main import cli

pictures = [f"{folder}/1_left.png", f"{folder}/1_right.png"]
arguments = ["predict", *pictures, "--out", f"{folder}/{engine}.csv", "--model", f"{folder}/bundle", "--engine", engine]
try:
    cli(arguments)
except SystemExit as left:
    print("exit", left.code)
heavy = {"tensorflow", "keras", "keras_cv", "tf_keras_vis", "sklearn", "matplotlib", "scipy", "pandas", "h5py", "PIL"}
reports = {name for name, module in sys.modules.items() if name.startswith("openvino_telemetry") and module}
print(sorted(heavy & set(sys.modules) | reports))
"""


def test_other_engine_needs_no_keras(tmp_path: Path, make_bundle: Callable[..., Path], good: list[bytes]) -> None:
    make_bundle(tmp_path / "bundle")
    (tmp_path / "a.png").write_bytes(good[0])
    ran = subprocess.run([sys.executable, "-c", PROGRAM, tmp_path], capture_output=True, text=True)
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "1 listed = 1 graded + 0 ungradable + 0 failed + 0 waiting; 1 referable (grade 2 or worse)",
        "[]",
    ]


def lean_packages() -> list[str]:
    """The packages that README names for a machine that only grades."""
    return re.findall(r"pip install -c constraints.txt (click .*)", (ROOT / "README.md").read_text())[0].split()


def foreign_modules(packages: list[str]) -> list[str]:
    """What is installed here and would not be if these packages and what they require were all there is."""
    wanted, waiting = set(), [name.replace("-headless", "") for name in packages]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in wanted:
            continue
        wanted.add(name)
        needs = [need for need in importlib.metadata.requires(name) or [] if "extra ==" not in need]
        waiting += [re.match(r"[A-Za-z0-9._-]+", need)[0] for need in needs]  # type: ignore[index]
    modules = importlib.metadata.packages_distributions()
    own = {"kerasdr", "__editable___kerasdr_0_1_0_finder"}
    return [
        module
        for module, names in modules.items()
        if module not in own and not {name.lower().replace("_", "-") for name in names} & wanted
    ]


@pytest.mark.parametrize("engine", GRAPH_ENGINES)
def test_the_whole_command_needs_no_training_framework(
    engine: GraphEngine, tmp_path: Path, good: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.models import build_classifier, get_weights

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    spec = ModelSpec(trunk="tiny", weights="none", head_units=(8,), mode="dual")
    weights = get_weights(build_classifier(spec, 64, seed=1))
    member = BundleMember("only", spec, get_recipe("clahe-crop", 64), weights)
    ensemble = EnsembleSpec("soft", (1.0,))
    write_bundle(tmp_path / "bundle", name="real-1", members=[member], ensemble=ensemble, validation={})
    rebuild(tmp_path / "bundle", [engine])
    for name, data in zip(("1_left", "1_right"), good, strict=False):
        (tmp_path / f"{name}.png").write_bytes(data)
    foreign = foreign_modules([*lean_packages(), engine])
    assert {"tensorflow", "keras", "pandas", "sklearn"} <= set(foreign) and "openvino" not in foreign
    command = [sys.executable, "-c", COMMAND, engine, str(tmp_path), *foreign]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.stderr == ""
    first, left, heavy = ran.stdout.splitlines()
    assert first.startswith("2 listed = 2 graded + 0 ungradable + 0 failed + 0 waiting; ")
    assert (left, heavy) == ("exit 0", "[]")
    assert len((tmp_path / f"{engine}.csv").read_text().splitlines()) == 3
    assert len(list((tmp_path / f"{engine}_gradcam").iterdir())) == 2
    assert list((tmp_path / "home").iterdir()) == []  # OpenVINO's own start would leave an identifier there


@pytest.mark.parametrize(
    "arguments",
    [
        *(("models",), ("data", "check", "."), ("explain", "a.png"), ("evaluate",), ("report",), ("train", "demo")),
        *(("evaluate", "a.csv", "--labels", "b.csv"), ("compare", "a.csv", "b.csv")),
    ],
)
def test_what_a_lean_install_lacks_is_said_in_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    program = COMMAND.split("pictures = ")[0].replace("engine, folder, *foreign = sys.argv[1:]", FOREIGN)
    program += "from kerasdr.cli.main import main\nmain()\n"
    (tmp_path / "runs").mkdir()
    command = [sys.executable, "-c", program, " ".join(foreign_modules([*lean_packages(), "openvino"])), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1), ran.stderr
    assert ran.stderr.startswith("error: ")
    if arguments not in (("data", "check", "."), ("explain", "a.png"), ("evaluate",)):  # an empty folder lacks more
        assert ran.stderr.endswith("not installed here, as in a lean installation: pip install kerasdr\n"), ran.stderr
