"""The house rules that a machine can see: directions of imports, nothing heavy at start, one name installed."""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A part may import parts of lower rank, and its own. cli -> training, review, archive -> scoring, evaluation -> ensembles,
# models -> imaging, data -> the base modules. Of equal rank only the pairs below.
RANKS = {
    "cli": 5,
    "training": 4,
    "archive": 4,
    "review": 4,
    "scoring": 3,
    "evaluation": 3,
    "calibration": 2,
    "ensembles": 2,
    "models": 2,
    "data": 1,
    "imaging": 1,
    "configs": 0,
    "config": 0,
    "calibration_config": 0,
    "data_config": 0,
    "section": 0,
    "grades": 0,
    "errors": 0,
    "extras": 0,
    "file_lock": 0,
    "files": 0,
    "machine": 0,
    "multiplicity": 0,
    "no_telemetry": 0,
    "reporting": 0,
    "tasks": 0,
    "overrides": 0,
}
SIDEWAYS = {
    ("data", "imaging"),
    ("tasks", "config"),
    ("tasks", "errors"),
    ("tasks", "data_config"),
    ("tasks", "section"),
    ("config", "errors"),
    ("config", "data_config"),
    ("config", "section"),
    ("data_config", "section"),
    ("config", "overrides"),
    ("overrides", "errors"),
    ("files", "errors"),
    ("config", "configs"),
    ("config", "calibration_config"),
    ("config", "section"),
    ("calibration_config", "section"),
    ("calibration", "ensembles"),
}
KERAS_PARTS = {"models", "training", "scoring"}


def part_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    if relative.parts[0] == "cli":
        return "cli"
    return relative.parts[1].removesuffix(".py")


def imports_of(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.append(node.module or "")
    return names


def modules() -> list[Path]:
    found = [*ROOT.glob("kerasdr/**/*.py"), *ROOT.glob("cli/*.py")]
    return sorted(
        path for path in found if path.name not in ("__init__.py", "__main__.py") or path.parent != ROOT / "kerasdr"
    )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    own = part_of(path)
    for name in imports_of(path):
        if not name.startswith("kerasdr."):
            continue
        other = name.split(".")[1]
        allowed = other == own or RANKS[other] < RANKS[own] or (own, other) in SIDEWAYS
        assert allowed, f"{own} must not import {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_keras_and_click_stay_in_their_rooms(path: Path) -> None:
    own = part_of(path)
    roots = {name.split(".")[0] for name in imports_of(path)}
    if own not in KERAS_PARTS:
        assert not roots & {"keras", "tensorflow", "keras_cv", "tf_keras_vis"}
    if own != "cli":
        assert "click" not in roots


def test_modules_are_short() -> None:
    longest = max(modules(), key=lambda path: len(path.read_text().splitlines()))
    assert len(longest.read_text().splitlines()) <= 400, longest


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_and_help_load_nothing_heavy() -> None:
    heavy = {"tensorflow", "keras", "pandas", "numpy", "cv2", "sklearn", "matplotlib", "pydantic", "scipy"}
    assert not loaded_after("import kerasdr") & heavy
    call = "from click.testing import CliRunner\nfrom kerasdr.cli.main import cli\n"
    assert not loaded_after(call + "assert CliRunner().invoke(cli, ['--help']).exit_code == 0") & heavy


def test_library_parts_import_without_keras() -> None:
    parts = "kerasdr.scoring.job, kerasdr.scoring.bundle, kerasdr.data.check, kerasdr.evaluation.intervals"
    assert not loaded_after(f"import {parts}, kerasdr.training.run_folder") & {"tensorflow", "keras"}


def test_libraries_of_dicom_load_where_dicom_is_read_or_written_alone() -> None:
    parts = "kerasdr.archive.writing, kerasdr.cli.predict, kerasdr.scoring.job"
    assert not loaded_after(f"import {parts}") & {"pydicom", "highdicom", "fhir"}


def test_every_package_is_installed() -> None:
    listed = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    for init in ROOT.glob("kerasdr/**/__init__.py"):
        name = ".".join(init.parent.relative_to(ROOT).parts)
        assert f"\n    {name}\n" in listed, f"setup.cfg does not list {name}"


def test_every_file_beside_the_modules_is_installed() -> None:
    content = configparser.ConfigParser()
    content.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = {
        (package.replace(".", "/"), pattern.strip())
        for package, patterns in content["options.package_data"].items()
        for pattern in patterns.split(",")
    }
    others = [path for path in ROOT.glob("kerasdr/**/*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert len(others) > 3
    for path in others:
        folder = path.parent.relative_to(ROOT).as_posix()
        assert any(place == folder and path.match(pattern) for place, pattern in listed), f"setup.cfg leaves out {path}"


def test_public_names_are_there() -> None:
    import kerasdr

    for name in kerasdr.__all__:
        if name != "train":  # which imports Keras; tests of training use it
            assert getattr(kerasdr, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'grades_of_grey'"):
        _ = kerasdr.grades_of_grey


def test_libraries_that_report_their_use_are_imported_in_one_place() -> None:
    for path in modules():
        roots = {name.split(".")[0] for name in imports_of(path)}
        assert not roots & {"openvino", "nncf", "mlflow"}, f"{path}: use kerasdr.no_telemetry"
