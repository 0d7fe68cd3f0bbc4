"""The golden check: does this machine give the answers that are known? Asked before it grades anybody.

A bundle carries drawn photographs (:mod:`kerasdr.scoring.golden_photographs`) and what they are to give: which of them can be
graded, the probabilities of the whole ensemble, a coarse summary of each picture that a network is fed, and heat maps. They go
the whole way that a job's photographs go, from a file to a row: through processes that read, and the very engine that is about
to grade.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError, ModelRefusedError
from kerasdr.grades import N_GRADES
from kerasdr.scoring.arrays import Arrays, arrays_to_bytes, read_arrays
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Batch, Engine, EngineOutput
from kerasdr.scoring.golden_part import EXPECTED, Golden, GoldenPart, GoldenPhotograph
from kerasdr.scoring.grading import grade_inputs
from kerasdr.scoring.graphs import Precision
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.isolation.messages import Settings
from kerasdr.scoring.isolation.readers import PHOTO_SECONDS, Readers
from kerasdr.scoring.rows import Row

LARGEST: Mapping[str, float] = {"probability": 1e-3, "picture": 0.5, "heat map": 0.02}
"""Largest differences that pass: of a probability, of a summary of a picture in grey levels, of a heat map in 0..1."""

LOWER_PRECISION = 0.02
"""Of a probability, where the graphs are of a lower precision: processors round shorter numbers in different ways."""

_BLOCKS = 16
_READERS = 2


@dataclass(frozen=True)
class Answers:
    """What became of golden photographs.

    Attributes:
        rows: one for each, in order.
        probabilities: of those that were graded, in order, ``(n, 5)``.
        pictures: mean and spread of blocks of each picture that a network was fed, by name, ``(n, B, B, 3)`` in 0..255.
        heatmaps: ``(n, h, w)`` in 0..1, or None if the engine makes none.
    """

    rows: tuple[Row, ...]
    probabilities: NDArray[np.float64]
    pictures: Arrays
    heatmaps: NDArray[np.float32] | None


@dataclass(frozen=True)
class Difference:
    """One golden photograph's answer beside the one that is known.

    Attributes:
        file: the photograph.
        wrong: what is wrong with it, in words; empty if nothing is.
        largest: the largest differences that were seen, by the kinds of :data:`LARGEST`; empty of what is not graded.
    """

    file: str
    wrong: str
    largest: Mapping[str, float]


class _Heard:
    """An engine whose batches and answers are kept."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.batches: list[Batch] = []
        self.outputs: list[EngineOutput] = []

    def predict(self, batch: Batch) -> EngineOutput:
        self.batches.append(batch)
        self.outputs.append(self._engine.predict(batch))
        return self.outputs[-1]


def ask(
    bundle: Bundle, engine: Engine, photographs: Mapping[str, bytes], batch_size: int = 16, *, isolate: bool = True
) -> Answers:
    """Grade photographs as a job grades them, and keep what passed on the way.

    Args:
        bundle: what grades them.
        engine: an engine of this bundle.
        photographs: contents of files by their names.
        batch_size: that the engine was made for, at most.
        isolate: False reads them in this process, as of :func:`kerasdr.scoring.job.run_job`.

    Raises:
        KerasdrError: if there is no place for temporary files, or the processes that read cannot be started.
    """
    heard = _Heard(engine)
    with contextlib.ExitStack() as stack:
        inputs = [Input(path) for path in stack.enter_context(_as_files(photographs))]
        readers = None
        if isolate:
            settings = Settings(tuple(bundle.recipes), bundle.max_megapixels, None, PHOTO_SECONDS)
            readers = stack.enter_context(Readers(settings, _READERS))
        load = readers.load if readers else None
        given = list(grade_inputs(inputs, bundle, heard, batch_size=batch_size, load=load, workers=_READERS))
    rows = {outcome.index: outcome.row for outcome in given}
    graded = [outcome.index for outcome in given if outcome.row.status == "graded"]  # in the order of the batches
    order = np.argsort(graded, kind="stable")
    probabilities = [output.probabilities for output in heard.outputs] or [np.empty((0, N_GRADES))]
    pictures = {}
    for recipe in range(len(bundle.recipes)):
        fed = [_summary(batch.images[recipe]) for batch in heard.batches]
        for kind, parts in zip(("mean", "spread"), zip(*fed, strict=True), strict=False):
            pictures[f"{kind}/{recipe}"] = np.concatenate(parts)[order]
    maps = [output.heatmaps for output in heard.outputs if output.heatmaps is not None]
    return Answers(
        tuple(rows[place] for place in range(len(inputs))),
        np.concatenate(probabilities)[order].astype(np.float64),
        pictures,
        np.concatenate(maps)[order] if maps else None,
    )


@contextlib.contextmanager
def _as_files(photographs: Mapping[str, bytes]) -> Iterator[list[str]]:
    """Write photographs to a folder for a while; yields their paths."""
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kerasdr-golden-"))
            for name, data in photographs.items():
                Path(folder, name).write_bytes(data)
        except OSError as error:
            raise KerasdrError(
                f"no place for temporary files ({error.strerror}): let TMPDIR name a folder that can be written"
            ) from error
        yield [os.path.join(folder, name) for name in photographs]


def _summary(pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and standard deviation of blocks of pictures ``(n, S, S, 3)``, each ``(n, B, B, 3)``.

    Plain sums, so that a fault of the library that prepares pictures is not hidden by the same fault here.
    """
    side = pictures.shape[1]
    starts = np.unique(np.arange(min(_BLOCKS, side)) * side // min(_BLOCKS, side))
    lengths = np.diff([*starts, side])
    area = np.multiply.outer(lengths, lengths)[None, :, :, None]
    values = pictures.astype(np.float64)

    def mean(of: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.add.reduceat(np.add.reduceat(of, starts, axis=1), starts, axis=2) / area

    middle = mean(values)
    spread = np.sqrt(np.maximum(mean(values**2) - middle**2, 0.0))
    return middle.astype(np.float32), spread.astype(np.float32)


def make_golden(bundle: Bundle, engine: Engine, photographs: Mapping[str, bytes], reference: str) -> Golden:
    """Return golden photographs with the answers of a bundle's reference engine.

    Args:
        bundle: what they are for.
        engine: the reference, in float32, with heat maps.
        photographs: from :func:`~kerasdr.scoring.golden_photographs.draw_golden_photographs`.
        reference: what the engine is, in words.

    Raises:
        ValueError: if a photograph cannot be read.
    """
    answers = ask(bundle, engine, photographs)
    if any(row.status not in ("graded", "ungradable") for row in answers.rows):
        raise ValueError(f"golden photographs that cannot be read: {[row.reason for row in answers.rows]}")
    expected = dict(answers.pictures)
    if answers.heatmaps is not None:
        expected["heatmaps"] = answers.heatmaps.astype(np.float16)
    part = GoldenPart(
        photographs=tuple(
            GoldenPhotograph(file=name, status=row.status, partner=_names(row.partner))
            for name, row in zip(photographs, answers.rows, strict=True)
        ),
        probabilities={"float32": _rows(answers.probabilities)},
        reference=reference,
    )
    return Golden(part, {**photographs, EXPECTED: arrays_to_bytes(expected)})


def with_precision(golden: Golden, bundle: Bundle, engine: Engine, precision: Precision) -> Golden:
    """Return golden photographs that also have the answers of graphs of a lower precision.

    Args:
        golden: of the bundle.
        bundle: with these graphs.
        engine: that runs them.
        precision: of them.
    """
    answers = ask(bundle, engine, _photographs(golden))
    probabilities = {**golden.part.probabilities, precision: _rows(answers.probabilities)}
    return Golden(GoldenPart(**{**golden.part.model_dump(), "probabilities": probabilities}), golden.files)


def compare_golden(
    bundle: Bundle, engine: Engine, precision: Precision = "float32", batch_size: int = 16, *, isolate: bool = True
) -> list[Difference]:
    """Return how an engine's answers to a bundle's golden photographs differ from those that are known.

    Args:
        bundle: with golden photographs.
        engine: an engine of it.
        precision: of the engine's arithmetic.
        batch_size: that the engine was made for, at most.
        isolate: as of :func:`ask`.

    Raises:
        KerasdrError: if there is no place for temporary files, or the processes that read cannot be started.
        ModelRefusedError: if the bundle's golden files are damaged, or it has none.
    """
    golden = golden_of(bundle, precision)
    known = read_arrays(EXPECTED, golden.files[EXPECTED])
    answers = ask(bundle, engine, _photographs(golden), batch_size, isolate=isolate)
    statuses = [photograph.status for photograph in golden.part.photographs]
    wrong = {
        place: reason
        for place, (photograph, row) in enumerate(zip(golden.part.photographs, answers.rows, strict=True))
        if (reason := _odd(photograph, row))
    }
    if [row.status for row in answers.rows] != statuses:  # what follows would be of other photographs
        return [Difference(item.file, wrong.get(place, ""), {}) for place, item in enumerate(golden.part.photographs)]
    seen = _largest(answers, known, np.array(golden.part.probabilities[precision]).reshape(-1, N_GRADES), precision)
    limits = {**LARGEST, "probability": LARGEST["probability"] if precision == "float32" else LOWER_PRECISION}
    found, graded = [], 0
    for place, photograph in enumerate(golden.part.photographs):
        largest: dict[str, float] = {}
        reason = wrong.get(place, "")
        if photograph.status == "graded":
            largest = {kind: float(values[graded]) for kind, values in seen.items()}
            graded += 1
            # Not "above": NaN is above nothing.
            over = [
                f"{kind} differs by {value:.3g} (at most {limits[kind]:g})"
                for kind, value in largest.items()
                if not value <= limits[kind]
            ]
            reason = "; ".join([*([reason] if reason else []), *over])
        found.append(Difference(photograph.file, reason, largest))
    return found


def golden_of(bundle: Bundle, precision: Precision = "float32") -> Golden:
    """Return a bundle's golden photographs.

    Raises:
        ModelRefusedError: if it has none that are answered at that precision.
    """
    if bundle.golden is None or precision not in bundle.golden.part.probabilities:
        raise ModelRefusedError(
            f"{bundle.label} has no golden photographs for {precision}, so that it cannot be checked: make it again with "
            "`kerasdr bundle build`, where it was trained"
        )
    return bundle.golden


def require_golden(
    bundle: Bundle, engine: Engine, name: str, precision: Precision = "float32", batch_size: int = 16
) -> list[Difference]:
    """Refuse an engine that does not give a bundle's golden answers; see :func:`compare_golden`.

    Raises:
        ModelRefusedError: naming the first photograph that differs, and how.
    """
    found = compare_golden(bundle, engine, precision, batch_size)
    refuse_different(bundle, name, found)
    return found


def refuse_different(bundle: Bundle, name: str, found: Sequence[Difference]) -> None:
    """Refuse a bundle if one of its golden photographs has another answer than the one that is known.

    Raises:
        ModelRefusedError: naming the first photograph that differs, and how.
    """
    if bad := [difference for difference in found if difference.wrong]:
        more = f" ({len(bad)} of {len(found)} golden photographs)" if len(bad) > 1 else ""
        raise ModelRefusedError(
            f"{bundle.label} does not give its known answers on this machine with the engine {name}: golden photograph "
            f"{bad[0].file}: {bad[0].wrong}{more}; install the versions of constraints.txt or take another --engine, and see "
            "`kerasdr doctor`"
        )


def _largest(
    answers: Answers, known: Arrays, probabilities: NDArray[np.float64], precision: Precision
) -> dict[str, NDArray[np.float64]]:
    """Return the largest difference of each graded photograph by kind, each ``(n,)``."""
    n = len(probabilities)
    seen = {"probability": np.abs(answers.probabilities - probabilities).max(axis=1)}
    pictures = np.zeros(n)
    for name, summary in answers.pictures.items():
        pictures = np.maximum(pictures, _apart(summary, known.get(name)))
    seen["picture"] = pictures
    if answers.heatmaps is not None and "heatmaps" in known and precision == "float32":
        apart = _apart(answers.heatmaps, known["heatmaps"])
        # Where two grades are as good as equally probable, the map may be that of either.
        ordered = np.sort(probabilities, axis=1)
        close = ordered[:, -1] - ordered[:, -2] < 2 * LARGEST["probability"]
        seen["heat map"] = np.where(close, 0.0, apart)
    return seen


def _apart(one: NDArray[np.generic], other: NDArray[np.generic] | None) -> NDArray[np.float64]:
    """Return each photograph's largest difference, ``(n,)``; infinite if they cannot be compared."""
    if other is None or other.shape != one.shape:
        return np.full(len(one), np.inf)
    difference = one.astype(np.float64) - other.astype(np.float64)
    return np.asarray(np.abs(difference).reshape(len(one), -1).max(axis=1, initial=0.0), np.float64)


def _odd(photograph: GoldenPhotograph, row: Row) -> str:
    if row.status != photograph.status:
        was = {"graded": "was graded", "ungradable": "is ungradable here"}.get(row.status, "cannot be read")
        why = f" ({row.reason})" if row.reason else ""
        return f"{was}{why}, and should be {photograph.status}"
    if _names(row.partner) != photograph.partner:
        return f"was seen with {_names(row.partner) or 'no partner'}, and should be with {photograph.partner or 'none'}"
    return ""


def _names(partner: str) -> str:
    """Return the files' own names of what the column ``partner`` says."""
    return "; ".join(os.path.basename(path) for path in partner.split("; "))


def _photographs(golden: Golden) -> dict[str, bytes]:
    return {photograph.file: golden.files[photograph.file] for photograph in golden.part.photographs}


def _rows(probabilities: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(p) for p in row) for row in probabilities)
