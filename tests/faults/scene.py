"""A small job that is done again and again: six photographs, one of them bad, by ``kerasdr predict`` in a forked process.

The network is a hash, so that a job takes a second; all that touches files is the product's own. The cache lies in the results'
folder: every job that begins anew checks the golden photographs first, and the mark that it leaves is among what fails.
"""

import contextlib
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from hash_engine import HashEngine
from shim import Shim

from kerasdr.config import ModelSpec
from kerasdr.data.phantom.draw import draw_person
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import BundleMember, load_bundle, write_bundle
from kerasdr.scoring.golden import make_golden
from kerasdr.scoring.golden_photographs import draw_golden_photographs

SIZE = 48
BATCH = 2


@dataclass(frozen=True)
class Scene:
    """What a job is about.

    Attributes:
        photographs: their folder.
        model: the bundle.
        heard: file that holds what the last job wrote to standard error.
        shim: what lets operations fail.
    """

    photographs: Path
    model: Path
    heard: Path
    shim: Shim

    @property
    def said(self) -> str:
        """What the last job wrote to standard error."""
        return self.heard.read_text(encoding="utf-8", errors="replace")

    def run(
        self, out: Path, at: int = 0, how: int = 0, *, stays: bool = False, trace: Path | None = None
    ) -> tuple[int, int]:
        """Do the job in a process of its own.

        Args:
            out: the folder of results; it is there.
            at, how, stays, trace: of :meth:`Shim.arm`.

        Returns:
            Exit code, -9 where it was killed, and the number of operations on files, -1 where it was killed.
        """
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            code = 1
            try:
                with open(os.devnull, "wb") as nothing, open(self.heard, "wb") as heard:
                    os.dup2(nothing.fileno(), 1)
                    os.dup2(heard.fileno(), 2)
                os.environ["XDG_CACHE_HOME"] = str(out / "cache")
                self.shim.arm(out, at, how, stays=stays, trace=trace)
                code = self._predict(out)
                os.write(write, str(self.shim.count).encode())
            except BaseException:
                traceback.print_exc()  # to be heard: this is no way for a job to end
            finally:
                sys.stderr.flush()
                os._exit(code)
        os.close(write)
        with open(read, "rb") as told:
            count = told.read()
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status), int(count or -1)

    def _predict(self, out: Path) -> int:
        import kerasdr.scoring.engines
        from kerasdr.cli.main import main

        kerasdr.scoring.engines.make_engine = lambda *arguments, **options: HashEngine()  # type: ignore[assignment]
        kerasdr.scoring.engines.choose_engine = lambda *arguments, **options: "openvino"  # type: ignore[assignment]
        sys.argv = ["kerasdr", "predict", str(self.photographs), "--out", str(out / "grades.csv"), "--quiet"]
        sys.argv += ["--model", str(self.model), "--batch-size", str(BATCH), "--jobs", "1"]
        try:
            main()
        except SystemExit as left:
            return int(left.code or 0)
        return 0


def make_scene(folder: Path, shim: Shim) -> Scene:
    """Draw the photographs, write the bundle with golden ones, and load what a job loads, so that a fork has it."""
    cv2.setNumThreads(1)
    photographs = folder / "photographs"
    photographs.mkdir()
    drawn = [eye for person in range(10) for eye in draw_person(5, person, 128) if eye.quality == "gradable"][:5]
    for number, eye in enumerate(drawn):
        name = f"{number // 2}_{'left' if number % 2 == 0 else 'right'}.png"
        cv2.imwrite(str(photographs / name), cv2.cvtColor(eye.image, cv2.COLOR_RGB2BGR))
    whole = (photographs / "0_left.png").read_bytes()
    (photographs / "9_left.png").write_bytes(whole[: len(whole) // 2])
    weights = {"0000:conv/kernel": np.arange(12, dtype=np.float32).reshape(3, 4), "0001:count": np.array(7)}
    members = [
        BundleMember(
            name,
            ModelSpec.model_validate({"trunk": "tiny", "weights": "none", "head_units": [8], "mode": mode}),
            get_recipe("clahe-crop", SIZE),
            weights,
        )
        for name, mode in (("dual", "dual"), ("single", "single"))
    ]
    ensemble = EnsembleSpec("soft", (0.5, 0.5))
    content = {"name": "hash", "members": members, "ensemble": ensemble, "validation": {"quadratic_kappa": 0.5}}
    write_bundle(folder / "bare", **content)
    bundle = load_bundle(folder / "bare")
    golden = make_golden(bundle, HashEngine(), draw_golden_photographs(bundle.recipes), "hash")
    write_bundle(folder / "model", golden=golden, **content)
    for module in ("kerasdr.cli.predict", "kerasdr.scoring.job", "kerasdr.scoring.engines", "sqlite3"):
        with contextlib.suppress(ModuleNotFoundError):
            __import__(module)
    return Scene(photographs, folder / "model", folder / "heard", shim)


def results(out: Path) -> dict[str, bytes]:
    """Return what people get of a job: the CSV and the pictures, by their names."""
    wanted = [path for path in out.rglob("*") if path.is_file() and path.suffix in (".csv", ".png")]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(wanted)}


def answered(out: Path) -> list[str]:
    """Return the keys of the answers in a job's ledger, in their order; none if there is no ledger.

    Raises:
        KerasdrError: if the ledger is damaged.
    """
    from kerasdr.scoring.ledger.store import read_ledger

    ledger = out / "grades.ledger"
    if not ledger.is_file():
        return []
    return [entry.content["key"] for entry in read_ledger(ledger) if entry.kind == "answer"]


def checked(out: Path) -> bool:
    """Whether a job left the mark that the golden photographs were answered as is known."""
    return len(list(out.glob("cache/kerasdr/golden/*.txt"))) == 1


__all__ = ["BATCH", "Scene", "answered", "checked", "make_scene", "results"]
