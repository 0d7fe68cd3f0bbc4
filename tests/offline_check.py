"""Install kerasdr from a wheelhouse in a namespace without a network, and grade photographs there; run by `make offline-check`.

    python tests/offline_check.py WHEELHOUSE [lean] [full]

Each kind is installed in a fresh virtual environment inside ``unshare -rn``, where no address can be reached, and draws and
grades phantoms with a small model of random weights, which the interpreter that runs this makes before. Prints sizes and
seconds.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INSTALL = {
    "lean": [
        ["--find-links", "{wheels}/lean", "-r", "{wheels}/lean/lean.txt"],
        ["--find-links", "{wheels}/lean", "--no-deps", "kerasdr"],
    ],
    "full": [["--find-links", "{wheels}/full", "kerasdr"]],
}
UNREACHABLE = "import socket; socket.create_connection(('192.0.2.1', 80), 3)"  # an address of documentation (RFC 5737)


def main(wheels: Path, kinds: list[str]) -> int:
    """Check each kind of installation; returns the exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make_bundle(folder / "model")
        for kind in kinds:
            _check(kind, wheels.resolve(), folder)
    return 0


def _check(kind: str, wheels: Path, folder: Path) -> None:
    files = [path for path in (wheels / kind).iterdir() if path.suffix == ".whl"]
    began = time.monotonic()
    venv = folder / kind
    _offline([sys.executable, "-m", "venv", str(venv)], folder)
    python = str(venv / "bin/python")
    if _run([*_UNSHARE, python, "-c", UNREACHABLE], folder).returncode == 0:
        raise SystemExit("there is a network in the namespace: nothing would be shown")
    for arguments in INSTALL[kind]:
        given = [argument.format(wheels=wheels) for argument in arguments]
        _offline([python, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-index", *given], folder)
    installed = time.monotonic()
    kerasdr = str(venv / "bin/kerasdr")
    _offline([kerasdr, "data", "phantom", f"drawn-{kind}", "--people", "2"], folder)
    out = folder / f"{kind}.csv"
    said = _offline([kerasdr, "predict", f"drawn-{kind}/train", "--out", str(out), "--model", "model"], folder)
    graded = time.monotonic()
    if " 0 failed + 0 waiting" not in said or ",graded," not in out.read_text(encoding="utf-8"):
        raise SystemExit(f"{kind}: nothing was graded: {said}")
    size = sum(path.stat().st_size for path in files) / 1e6
    on_disk = sum(path.lstat().st_size for path in venv.rglob("*") if path.is_file()) / 1e6
    print(
        f"{kind}: {len(files)} wheels, {size:.0f} MB; installed {on_disk:.0f} MB in {installed - began:.0f} s; "
        f"drew and graded in {graded - installed:.0f} s: {said.strip()}"
    )


_UNSHARE = ["unshare", "-rn"]


def _offline(command: list[str], folder: Path) -> str:
    ran = _run([*_UNSHARE, *command], folder)
    if ran.returncode:
        raise SystemExit(f"{' '.join(command)} left with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    environment = {
        **kept,
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PIP_NO_CACHE_DIR": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


def _make_bundle(folder: Path) -> None:
    from kerasdr.config import ModelSpec
    from kerasdr.ensembles import EnsembleSpec
    from kerasdr.imaging.recipes import get_recipe
    from kerasdr.models import build_classifier, get_weights
    from kerasdr.scoring.build import rebuild
    from kerasdr.scoring.bundle import BundleMember, write_bundle

    spec = ModelSpec(trunk="tiny", weights="none", head_units=(8,))
    weights = get_weights(build_classifier(spec, 64, seed=1))
    member = BundleMember("only", spec, get_recipe("clahe-crop", 64), weights)
    ensemble = EnsembleSpec("soft", (1.0,))
    write_bundle(folder, name="random", members=[member], ensemble=ensemble, validation={"phantoms": True})
    rebuild(folder, ["openvino"])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:] or list(INSTALL)))
