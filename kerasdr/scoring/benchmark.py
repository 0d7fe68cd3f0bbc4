"""How fast a bundle grades on this machine, and how near that is to what decoding and the networks alone allow."""

import functools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kerasdr.errors import KerasdrError
from kerasdr.imaging.decode import decode
from kerasdr.imaging.prepare import decoding_side
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import begin
from kerasdr.scoring.engines import DEFAULT_BATCH_SIZE, EngineName, choose_engine, make_engine
from kerasdr.scoring.grading import make_batch, read_requests
from kerasdr.scoring.inputs import list_inputs
from kerasdr.scoring.job import one_thread_each, run_job
from kerasdr.scoring.reading import read_bytes

_LEAST_SECONDS = 0.5
# All of them are held in memory, so that parts can be measured alone.
MOST = 64


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one thing."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        return f"{self.median:8.1f} ({min(self.values):.1f} to {max(self.values):.1f})"


@dataclass(frozen=True)
class Benchmark:
    """What was measured.

    Attributes:
        engine: which engine ran.
        cores: how many cores it was to keep busy.
        photographs: how many were graded a round.
        rates: photographs a second, all cores, of ``decode``, ``prepare`` (read, decode, gate, recipes), ``networks``,
            ``networks and Grad-CAM``, ``job without pictures`` and ``job``; the rounds of all are interleaved.
        start: seconds of a process that grades one photograph, from the command to its end.
    """

    engine: EngineName
    cores: int
    photographs: int
    rates: dict[str, Spread]
    start: Spread

    @property
    def bound(self) -> float:
        """Photographs a second if there were nothing to do but to decode and to run the networks with Grad-CAM."""
        return 1.0 / (1.0 / self.rates["decode"].median + 1.0 / self.rates["networks and Grad-CAM"].median)

    @property
    def share_of_bound(self) -> float:
        """Rate of the whole job as a share of :attr:`bound`."""
        return self.rates["job"].median / self.bound

    @property
    def surcharge(self) -> float:
        """Share of time that Grad-CAM adds to the networks."""
        return self.rates["networks"].median / self.rates["networks and Grad-CAM"].median - 1.0

    def hours(self, photographs: int) -> float:
        """Return how long the whole job takes for some number of photographs like these."""
        return photographs / self.rates["job"].median / 3600.0


def run_benchmark(
    bundle: Bundle,
    model: Path,
    paths: Sequence[str],
    *,
    engine: EngineName = "auto",
    cores: int,
    rounds: int = 5,
    most: int = MOST,
) -> Benchmark:
    """Measure a bundle on photographs.

    Args:
        bundle: what is measured.
        model: where it lies, for processes of their own.
        paths: photographs, folders or globs.
        engine: which one.
        cores: how many to keep busy.
        rounds: how often each thing is measured, at least 1.
        most: photographs that are used, spread evenly over the list; of a longer job the start and the end weigh less.

    Raises:
        KerasdrError: if no photograph can be graded, or the engine cannot be had.
    """
    name = choose_engine(bundle, engine)
    every = list_inputs(list(paths))
    inputs = every[:: -(-len(every) // most)]
    every_request = list(read_requests(inputs, bundle, ahead=2 * cores, display=False, workers=cores))
    requests = [request for request in every_request if request.photograph.ready]
    if not requests:
        first = every_request[0].photograph
        raise KerasdrError(
            f"none of the {len(inputs)} photographs can be graded; {inputs[first.index].shown}: {first.reason}"
        )
    files = [inputs[request.photograph.index].path for request in requests]
    contents = [read_bytes(path) for path in files]
    firsts = range(0, len(requests), DEFAULT_BATCH_SIZE)
    batches = [make_batch(requests[first : first + DEFAULT_BATCH_SIZE], len(bundle.recipes)) for first in firsts]
    plain, explained = (
        make_engine(bundle, DEFAULT_BATCH_SIZE, gradcam, engine=name, cores=cores) for gradcam in (False, True)
    )
    sides = sorted({decoding_side(recipe) for recipe in bundle.recipes})

    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(cores) as pool, one_thread_each():

        def decode_all() -> None:
            list(pool.map(lambda data: [decode(data, min_side=side) for side in sides], contents))

        def prepare_all() -> None:
            for _ in read_requests(inputs, bundle, ahead=2 * DEFAULT_BATCH_SIZE, display=False, workers=cores):
                pass

        def networks(gradcam: bool) -> None:
            engine = explained if gradcam else plain
            for begun in [begin(engine, batch) for batch in batches]:
                begun.result()

        def job(gradcam: bool) -> None:
            # In a new place each time, or the ledger would have all answers.
            with tempfile.TemporaryDirectory(dir=temporary) as fresh:
                out, engine = Path(fresh) / "grades.csv", explained if gradcam else plain
                run_job(files, bundle, out, gradcam=gradcam, jobs=cores, factory=lambda *_: engine)

        rates = _rates(
            {
                "decode": decode_all,
                "prepare": prepare_all,
                "networks": lambda: networks(False),
                "networks and Grad-CAM": lambda: networks(True),
                "job without pictures": lambda: job(False),
                "job": lambda: job(True),
            },
            len(files),
            rounds,
        )
        command = [sys.executable, "-m", "kerasdr", "predict", files[0], "--model", str(model), "--engine", name]
        command += ["--jobs", str(cores), "--quiet", "--out"]

        def start(number: int) -> None:
            done = subprocess.run([*command, f"{temporary}/start-{number}.csv"], capture_output=True)
            if done.returncode:
                last = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1].removeprefix("error: ")
                said = f"exit code {done.returncode}" + (f": {last}" if last else "")
                raise KerasdrError(f"`kerasdr predict` of one photograph ended with {said}")

        starts = [_seconds(functools.partial(start, number)) for number in range(4)]
    # The first start fills the caches of disk and engine.
    return Benchmark(name, cores, len(files), rates, Spread(tuple(starts[1:])))


def _rates(parts: dict[str, Callable[[], None]], count: int, rounds: int) -> dict[str, Spread]:
    """Measure each part once a round, repeated until it takes half a second; one round before that is not counted."""
    repeats = {name: max(1, round(_LEAST_SECONDS / max(_seconds(run), 1e-6))) for name, run in parts.items()}
    rates: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, run in parts.items():
            seconds = sum(_seconds(run) for _ in range(repeats[name]))
            rates[name].append(count * repeats[name] / seconds)
    return {name: Spread(tuple(values)) for name, values in rates.items()}


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
