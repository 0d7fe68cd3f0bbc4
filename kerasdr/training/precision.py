"""Graphs at a lower precision: made only where validation people do not notice."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.extras import how_to_install
from kerasdr.no_telemetry import import_nncf, import_openvino
from kerasdr.reporting import Reporter
from kerasdr.scoring.build import build_graphs, put_graphs
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine_openvino import OpenVINOEngine
from kerasdr.scoring.graphs import MemberGraph, Precision, member_graph
from kerasdr.training.experiment import prepare_members
from kerasdr.training.feeds import PhotographFeed
from kerasdr.training.held_out import OpenedRun, open_run
from kerasdr.training.run_folder import runs_of
from kerasdr.training.samples import Samples, take_samples

LARGEST_LOSS = 0.005
"""Quadratic kappa on validation data that a lower precision may cost; it has to be less."""

_CALIBRATED_ON = 300
_AT_ONCE = 16


def lower_precision(run: Path, precision: Precision, reporter: Reporter) -> Bundle:
    """Give a run's bundle OpenVINO graphs of a lower precision, if validation kappa falls by less than 0.005.

    ``bfloat16`` is arithmetic alone: the graph is that of float32. A processor without such numbers would run it in float32,
    so it cannot judge it.
    ``int8`` is post-training quantization by NNCF, calibrated on up to 300 training photographs.

    Args:
        run: a finished run, whose data are at hand.
        precision: ``bfloat16`` or ``int8``.
        reporter: hears of progress.

    Returns:
        The bundle as it stands then. Its digest is another.

    Raises:
        KerasdrError: if the data are not at hand or have changed, NNCF is not installed, the processor has no bfloat16, or
            too much kappa is lost; the bundle is left as it was then.
    """
    if precision == "int8":
        _require_nncf()
    else:
        _require_bfloat16()
    opened = open_run(run, reporter)
    bundle = opened.bundle
    reporter.note("making graphs in float32")
    plain = build_graphs(bundle, "openvino")
    training, validation = _parts(opened, reporter)
    lower = replace(plain, precision=precision)
    if precision == "int8":
        members = {
            member.name: _quantized(plain.members[member.name], _calibration(feed, samples), member.name, reporter)
            for member, (feed, samples) in zip(bundle.members, training, strict=True)
        }
        lower = replace(lower, members=members)
    grades = validation[0][1].grades
    reporter.note(f"grading {len(grades)} validation photographs in float32 and in {precision}")
    before, after = (_answers(replace(bundle, graphs={"openvino": graphs}), validation) for graphs in (plain, lower))
    kappas = {
        name: quadratic_kappa(grades, bundle.combined(answers.probabilities).argmax(axis=1))
        for name, answers in (("float32", before), (precision, after))
    }
    seen = f"{kappas['float32']:.4f} in float32, {kappas[precision]:.4f} in {precision}"
    if not kappas["float32"] - kappas[precision] < LARGEST_LOSS:
        raise KerasdrError(
            f"{precision} costs {LARGEST_LOSS} of kappa or more on {len(grades)} validation photographs ({seen}): "
            "the model is left as it was"
        )
    reporter.note(f"kappa on {len(grades)} validation photographs: {seen}")
    difference = {
        "probabilities": float(np.abs(before.probabilities - after.probabilities).max()),
        "heatmaps": max(float(np.abs(one - other).max()) for one, other in zip(before.maps, after.maps, strict=True)),
    }
    return put_graphs(
        (run / "bundle").resolve(), bundle, [replace(lower, difference=difference, validation_kappa=kappas)]
    )


_Part = tuple[PhotographFeed, Samples]


def _parts(opened: OpenedRun, reporter: Reporter) -> tuple[list[_Part], list[_Part]]:
    """Return where each member's inputs come from, and its samples, of training and of validation."""
    experiment = opened.experiment
    prepared = prepare_members(experiment, opened.data, runs_of(opened.run), reporter)
    usable = np.logical_and.reduce([photographs.usable for photographs in prepared.values()])
    feeds = [PhotographFeed(prepared[m.name].images, m.model.mode == "dual") for m in experiment.members]

    def part(split: str) -> list[_Part]:
        target, table = experiment.data.target, opened.data.table
        return [
            (feed, take_samples(table, usable, split, member, target))
            for feed, member in zip(feeds, experiment.members, strict=True)
        ]

    return part("train"), part("validation")


def _calibration(feed: PhotographFeed, samples: Samples) -> list[dict[str, NDArray[Any]]]:
    """Return the inputs of up to 300 training photographs, spread evenly over them, one by one."""
    chosen = np.unique(np.linspace(0, len(samples) - 1, min(_CALIBRATED_ON, len(samples))).round().astype(np.int64))
    return [feed.inputs(samples.rows[[place]], samples.partners[[place]]) for place in chosen]


def _quantized(
    graph: MemberGraph, inputs: Sequence[Mapping[str, NDArray[Any]]], name: str, reporter: Reporter
) -> MemberGraph:
    nncf = import_nncf()
    openvino = import_openvino()

    from kerasdr.models.export import serialized

    reporter.note(f"{name}: calibrating int8 on {len(inputs)} training photographs")
    network = openvino.Core().read_model(*graph.read())
    # Its bars would go to standard output, which is the command's.
    with contextlib.redirect_stdout(io.StringIO()):
        quantized = nncf.quantize(network, nncf.Dataset([dict(part) for part in inputs]), subset_size=len(inputs))
    return member_graph(serialized(quantized))


@dataclass(frozen=True)
class _Answers:
    """What an engine says: probabilities ``(M, n, 5)``, and for each explained member maps whose highest value is 1."""

    probabilities: NDArray[np.float64]
    maps: Sequence[NDArray[np.floating]]


def _answers(bundle: Bundle, parts: Sequence[_Part]) -> _Answers:
    engine = OpenVINOEngine(bundle, _AT_ONCE, keep_compiled=False)
    every, maps = [], []
    for place, (feed, samples) in enumerate(parts):
        chunks = [slice(start, start + _AT_ONCE) for start in range(0, len(samples), _AT_ONCE)]
        given = [engine.run(place, feed.inputs(samples.rows[part], samples.partners[part])) for part in chunks]
        every.append(np.concatenate([probabilities for probabilities, _ in given]).astype(np.float64))
        if heat := [part for _, part in given if part is not None]:
            tops = np.concatenate(heat).max(axis=(1, 2, 3), keepdims=True)
            maps.append(np.concatenate(heat) / np.where(tops > 0, tops, 1.0))
    return _Answers(np.stack(every), maps)


def _require_bfloat16() -> None:
    openvino = import_openvino()

    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise KerasdrError(
            "this processor has no bfloat16, so that it cannot be judged here: build it on one that has, or take int8"
        )


def _require_nncf() -> None:
    try:
        nncf = import_nncf()
    except ModuleNotFoundError as error:
        raise KerasdrError(f"int8 needs NNCF, which is not installed: {how_to_install('nncf')}") from error
    import logging

    nncf.set_log_level(logging.ERROR)
