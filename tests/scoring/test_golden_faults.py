"""Seeded faults: does the golden check stop each of them before anybody is graded?

``python tests/scoring/test_golden_faults.py [MODEL]`` prints the table, of a bundle with golden photographs, or of two small
networks.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.calibration import CalibrationPart
from kerasdr.calibration.maps import TemperatureScaling
from kerasdr.calibration.part import GradeSets, LogLoss, OperatingPoint
from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.errors import ModelRefusedError
from kerasdr.imaging import decode, headers, prepare, quality, recipes, steps
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring import engine, grading
from kerasdr.scoring.bundle import Bundle, BundleMember
from kerasdr.scoring.engine_keras import KerasEngine
from kerasdr.scoring.golden import compare_golden, refuse_different
from kerasdr.scoring.golden_making import reference_golden

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: what is wrong.
        put: puts it in place.
        change: changes the bundle that the engine is made of, if the fault is there.
        remake: whether the network has to be built anew to have the fault.
    """

    name: str
    put: Callable[[Patch], None] = lambda patch: None
    change: Callable[[Bundle], Bundle] | None = None
    remake: bool = False


def small_bundle(seed: int = 1) -> Bundle:
    """A dual and a single network of random weights with outputs far apart, calibrated, with unequal weights and golden
    photographs."""
    bundle = Bundle(
        "faults-1",
        "0" * 64,
        (_member("dual", seed, mode="dual"), _member("single", seed + 1)),
        EnsembleSpec("weighted", (0.7, 0.3)),
        100.0,
        {},
        calibration=_calibration(),
    )
    return replace(bundle, golden=reference_golden(bundle))


def _member(name: str, seed: int, **model: Any) -> BundleMember:
    from kerasdr.models import build_classifier, get_weights

    spec = ModelSpec(trunk="tiny", weights="none", head_units=(16,), **model)
    weights = {key: np.array(array) for key, array in get_weights(build_classifier(spec, 128, seed=seed)).items()}
    random = np.random.default_rng(seed)
    for array in weights.values():  # in a fresh network a black picture has no features at all
        if array.ndim == 1 and array.dtype == np.float32:
            array += random.random(array.shape, np.float32) * 0.2
    last = [key for key, array in weights.items() if array.ndim == 2 and array.shape[1] == 5][-1]
    weights[last] *= 12.0  # a fresh network calls everything equally likely
    return BundleMember(name, spec, get_recipe("clahe-crop", 128), weights)


def _calibration() -> CalibrationPart:
    return CalibrationPart(
        people=60,
        photographs=120,
        mapping=TemperatureScaling(method="temperature", temperature=1.4),
        reason="a test",
        log_loss=LogLoss(before=1.0, after=0.9),
        operating_point=OperatingPoint(figure="sensitivity", target=0.9, threshold=None, undefined="a test"),
        sets=GradeSets(level=0.9, quantile=0.8),
    )


def faults(bundle: Bundle) -> list[Fault]:
    """All faults that a bundle can have."""
    found = [*_decoding(), *_geometry(), *_enhancing(), *_gate(), *_answering(), *_networks()]
    if any(member.model.mode == "dual" for member in bundle.members):
        found += _partners()
    if bundle.calibration is not None and bundle.calibration.mapping.method != "none":
        found.append(Fault("calibration dropped", lambda p: _ignore_calibration(p)))
    weights = bundle.ensemble.weights
    if tuple(weights) != tuple(reversed(weights)):
        swapped = EnsembleSpec(bundle.ensemble.method, tuple(reversed(weights)))
        found.append(Fault("ensemble weights permuted", change=lambda b: replace(b, ensemble=swapped)))
    return found


def _after(patch: Patch, module: Any, name: str, change: Callable[[Any], Any]) -> None:
    """Let a function's result be changed."""
    before = getattr(module, name)
    patch.setattr(module, name, lambda *args, **options: change(before(*args, **options)))


def _decoding() -> list[Fault]:
    table = np.round(255 * (np.arange(256) / 255) ** 0.9).astype(np.uint8)

    def no_opacity(pixels: Any) -> Any:
        return rgb(np.ascontiguousarray(pixels[..., :3]) if pixels.ndim == 3 and pixels.shape[2] == 4 else pixels)

    def upper_byte(pixels: Any) -> Any:
        return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels

    rgb = decode._rgb
    wrong = {2: decode._REDUCED[4], 4: decode._REDUCED[8], 8: decode._REDUCED[8]}
    return [
        Fault("red and blue swapped", lambda p: _after(p, prepare, "decode", lambda rgb: rgb[..., ::-1].copy())),
        Fault("gamma 0.9", lambda p: _after(p, prepare, "decode", lambda rgb: table[rgb])),
        Fault("EXIF turn ignored", lambda p: p.setattr(headers, "_orientation", lambda exif: 1)),
        Fault("opacity ignored", lambda p: p.setattr(decode, "_rgb", no_opacity)),
        Fault("16 bits cut to the upper 8", lambda p: p.setattr(decode, "_eight_bits", upper_byte)),
        Fault("JPEG reduced by a wrong factor", lambda p: p.setattr(decode, "_REDUCED", wrong)),
        Fault("JPEG never reduced", lambda p: p.setattr(decode, "_REDUCED", {})),
        Fault("mirrored", lambda p: _after(p, prepare, "decode", lambda rgb: np.ascontiguousarray(rgb[:, ::-1]))),
    ]


def _geometry() -> list[Fault]:
    import cv2

    def kernel(rgb: Any, size: int, disc: Any = None) -> Any:
        return cv2.resize(rgb, (size, size), interpolation=cv2.INTER_LINEAR)

    def nearest(rgb: Any, size: int, disc: Any = None) -> Any:
        return cv2.resize(rgb, (size, size), interpolation=cv2.INTER_NEAREST)

    def moved(**by: float) -> Callable[[Patch], None]:
        def change(disc: Any) -> Any:
            return replace(disc, x=disc.x + by.get("x", 0), radius=disc.radius * by.get("radius", 1))

        return lambda patch: _after(patch, prepare, "find_retina", change)

    return [
        Fault("resize kernel linear", lambda p: p.setattr(steps, "resize", kernel)),
        Fault("resize kernel nearest", lambda p: p.setattr(steps, "resize", nearest)),
        Fault("crop margin of 5%", moved(radius=1.05)),
        Fault("crop off by one pixel", moved(x=1)),
        Fault("outside of the disc kept", lambda p: p.setattr(steps, "mask_outside", lambda rgb, share=1.0: rgb)),
    ]


def _enhancing() -> list[Fault]:
    clahe = recipes._ENHANCEMENTS["clahe"]

    def wrapped(picture: Any) -> Any:
        return (clahe(picture).astype(np.int64) + 40).astype(np.uint8)

    return [
        Fault("CLAHE off", lambda p: p.setitem(recipes._ENHANCEMENTS, "clahe", lambda picture: picture)),
        Fault("CLAHE of twice the limit", lambda p: p.setitem(recipes._ENHANCEMENTS, "clahe", lambda x: clahe(x, 4.0))),
        Fault("uint8 overflow", lambda p: p.setitem(recipes._ENHANCEMENTS, "clahe", wrapped)),
    ]


def _gate() -> list[Fault]:
    limits = {"_MIN_BRIGHTNESS": (15.0, 30.0), "_MIN_DETAIL": (0.8, 1.5)}
    limits |= {"_MIN_FIELD": (0.4,), "_MAX_OVEREXPOSED": (0.5,)}  # type: ignore[assignment]
    return [
        Fault(f"gate: {name.strip('_').lower()} {value:g}", lambda p, n=name, v=value: p.setattr(quality, n, v))
        for name, values in limits.items()
        for value in values
    ]


def _answering() -> list[Fault]:
    def labels(patch: Patch) -> None:
        before = engine.combine_calibrated
        patch.setattr(engine, "combine_calibrated", lambda e, c, p: before(e, c, p)[:, [0, 2, 1, 3, 4]])

    def reverse(heat: Any) -> Any:
        return heat[::-1]

    def turn(heat: Any) -> Any:
        return heat.transpose(0, 2, 1)

    def shift(patch: Patch) -> None:
        before = grading.make_batch
        patch.setattr(grading, "make_batch", lambda requests, n: before([*requests[1:], requests[0]], n))

    def halved(patch: Patch) -> None:
        before = engine.member_inputs

        def inputs(*arguments: Any) -> Any:
            return {k: v // 2 if v.dtype == np.uint8 else v for k, v in before(*arguments).items()}

        patch.setattr(engine, "member_inputs", inputs)

    return [
        Fault("labels permuted", labels),
        Fault("heat maps in another order", lambda p: _after(p, engine, "combined_heat", reverse)),
        Fault("heat maps transposed", lambda p: _after(p, engine, "combined_heat", turn)),
        Fault("photographs of a batch moved by one", shift),
        Fault("half the range of values", halved),
    ]


def _networks() -> list[Fault]:
    def changed(bundle: Bundle, change: Callable[[Any], Any]) -> Bundle:
        members = [replace(m, weights={k: change(v) for k, v in m.weights.items()}) for m in bundle.members]
        return replace(bundle, members=tuple(members))

    def short(array: Any) -> Any:
        if array.dtype != np.float32:
            return array
        return (np.ascontiguousarray(array).view(np.uint32) & 0xFFFF0000).view(np.float32)

    def other(array: Any) -> Any:
        return np.flip(array).copy() if array.dtype == np.float32 else array

    def normal(patch: Patch) -> None:
        from kerasdr.models.normalization import InputNormalization

        before = InputNormalization.__init__
        patch.setattr(InputNormalization, "__init__", lambda self, mode, **more: before(self, "none", **more))

    return [
        Fault("weights cut to bfloat16", change=lambda b: changed(b, short)),
        Fault("weights of another network", change=lambda b: changed(b, other)),
        Fault("normalisation mode", normal, remake=True),
    ]


def _partners() -> list[Fault]:
    def swapped(patch: Patch) -> None:
        before = engine.member_inputs

        def inputs(member: Any, batch: Any, of: Any) -> Any:
            given = before(member, batch, of)
            if "partner" in given:  # where there is one: nothing in the place of the photograph would be another fault
                there = given["partner_present"][:, :, None, None] > 0
                image, partner = given["image"], given["partner"]
                given["image"], given["partner"] = np.where(there, partner, image), np.where(there, image, partner)
            return given

        patch.setattr(engine, "member_inputs", inputs)

    def ignored(patch: Patch) -> None:
        before = engine.member_inputs

        def inputs(*arguments: Any) -> Any:
            given = before(*arguments)
            return {name: np.zeros_like(v) if name.startswith("partner") else v for name, v in given.items()}

        patch.setattr(engine, "member_inputs", inputs)

    def none_found(patch: Patch) -> None:
        patch.setattr(grading, "find_partners", lambda inputs, pairing: np.full(len(inputs), -1))

    def always_present(patch: Patch) -> None:
        before = engine.member_inputs

        def inputs(*arguments: Any) -> Any:
            given = before(*arguments)
            return {name: np.ones_like(v) if name == "partner_present" else v for name, v in given.items()}

        patch.setattr(engine, "member_inputs", inputs)

    return [
        Fault("partner swapped with photograph", swapped),
        Fault("partner ignored by the network", ignored),
        Fault("partner not found", none_found),
        Fault("no partner not masked", always_present),
    ]


def _ignore_calibration(patch: Patch) -> None:
    before = engine.combine_calibrated
    patch.setattr(engine, "combine_calibrated", lambda ensemble, calibration, p: before(ensemble, None, p))


@contextlib.contextmanager
def in_place(fault: Fault) -> Iterator[None]:
    """Put a fault in place for a while."""
    with pytest.MonkeyPatch.context() as patch:
        fault.put(patch)
        yield


def caught(fault: Fault, bundle: Bundle, usual: Any) -> tuple[bool, dict[str, float], str]:
    """Whether the check refuses, the largest differences by kind, and what it says first."""
    with in_place(fault):
        broken = bundle if fault.change is None else fault.change(bundle)
        made = KerasEngine(broken, 16) if fault.change or fault.remake else usual
        found = compare_golden(bundle, made, isolate=False)  # a fault is in place in this process alone
    largest: dict[str, float] = {}
    for one in found:
        largest |= {kind: max(value, largest.get(kind, 0.0)) for kind, value in one.largest.items()}
    try:
        refuse_different(bundle, "keras", found)
    except ModelRefusedError as error:
        return True, largest, str(error)
    return False, largest, ""


def print_table(bundle: Bundle, usual: Any) -> int:
    """Print the table; returns how many were missed."""
    missed = 0
    print(f"{'fault':<38}{'':<8}{'probability':>12}{'picture':>9}{'heat map':>10}  first said")
    for fault in [Fault("none"), *faults(bundle)]:
        stopped, largest, said = caught(fault, bundle, usual)
        missed += not stopped and fault.name != "none"
        cells = "".join(
            f"{f'{largest[kind]:.3g}' if kind in largest else '-':>{width}}"
            for kind, width in (("probability", 12), ("picture", 9), ("heat map", 10))
        )
        short = said.split("golden photograph ")[-1].split(";")[0]
        print(f"{fault.name:<38}{'stopped' if stopped else 'passed':<8}{cells}  {short[:90]}")
    return missed


def test_every_fault_is_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    bundle = small_bundle()
    usual = KerasEngine(bundle, 16)
    assert not any(difference.wrong for difference in compare_golden(bundle, usual))
    with capsys.disabled():
        print()
        missed = print_table(bundle, usual)
    assert len(faults(bundle)) >= 35
    assert missed == 0


def main() -> None:
    if len(sys.argv) > 1:
        from kerasdr.scoring.bundle import load_bundle

        bundle = load_bundle(Path(sys.argv[1]))
    else:
        bundle = small_bundle()
    missed = print_table(bundle, KerasEngine(bundle, 16))
    print(f"{missed} missed")


if __name__ == "__main__":
    main()
