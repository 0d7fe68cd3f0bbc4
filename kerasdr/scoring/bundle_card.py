"""The card of a bundle: where it comes from, how good it was seen to be, what it is for, and what it is not for."""

from collections.abc import Iterator, Mapping
from typing import Any

from kerasdr.scoring.bundle import Bundle

NOT_RECORDED = "not recorded"

_FIGURES = {
    "quadratic_kappa": "quadratic kappa",
    "accuracy": "accuracy",
    "auc_referable": "AUC referable",
    "sensitivity_referable": "sensitivity referable",
    "specificity_referable": "specificity referable",
}

_USE = "research on grading diabetic retinopathy 0-4 from colour photographs of the retina, beside a qualified reader"
_NOT_FOR = (
    "diagnosis or treatment without a reader; other eye diseases; other cameras or people than those it was validated on "
    "without a validation of their own"
)


def card_lines(bundle: Bundle) -> Iterator[str]:
    """Yield a bundle's card; what a bundle of an earlier version does not hold is "not recorded"."""
    yield "card"
    yield from (f"  {name}: {text}" for name, text in _parts(bundle))


def _parts(bundle: Bundle) -> Iterator[tuple[str, str]]:
    about = bundle.about
    yield "intended use", _USE
    yield "not for", _NOT_FOR
    if about is None:
        phantoms = bundle.validation.get("phantoms")
        known = {True: "phantoms (synthetic photographs)", False: "photographs of people"}
        yield "data", known[phantoms] if isinstance(phantoms, bool) else NOT_RECORDED
        for name in ("people", "split"):
            yield name, NOT_RECORDED
    else:
        kind = "phantoms (synthetic photographs)" if about.phantoms else "photographs of people"
        yield "experiment", f"{about.experiment}{f': {about.description}' if about.description else ''}"
        yield "data", f"{kind}, layout {about.layout}; fingerprint {about.data_sha256}"
        for name, part in about.parts.items():
            grades = "/".join(map(str, part.grades))
            yield f"{name} part", f"{part.photographs} photographs of {part.people} people, grades 0-4: {grades}"
        yield "split", about.split
        yield "target", f"the grade of the {about.target}"
    yield "figures", f"on validation, which chose the ensemble: {_figures(bundle.validation)}"
    for recipe in bundle.recipes:
        steps = ", ".join(
            " ".join([step.name, *(f"{key}={value}" for key, value in step.options.items())]) for step in recipe.steps
        )
        yield "recipe", f"{recipe.name} at {recipe.size} px: {steps}"
    yield (
        "calibration",
        (NOT_RECORDED if bundle.calibration is None else f"{bundle.calibration.mapping.method}; see above"),
    )
    lower = [f"{name} {graphs.precision}" for name, graphs in bundle.graphs.items()]
    yield "precision", ", ".join(["weights and Keras float32", *lower])
    golden = bundle.golden
    yield (
        "golden photographs",
        NOT_RECORDED
        if golden is None
        else f"{len(golden.part.photographs)}, answered by {golden.part.reference}; see `kerasdr bundle check`",
    )
    reference = bundle.reference
    yield (
        "reference for drift",
        NOT_RECORDED
        if reference is None
        else f"{reference.photographs} {reference.part} photographs of {reference.people} people, "
        f"{reference.ungradable_share:.1%} ungradable",
    )
    doubts = bundle.doubts
    yield (
        "doubtful photographs",
        NOT_RECORDED
        if doubts is None
        else f"beyond {doubts.share:.1%} of {doubts.photographs} photographs in one figure or more; "
        f"{doubts.doubtful} of these are",
    )
    sides = bundle.eye_sides
    yield (
        "eyes",
        NOT_RECORDED
        if sides is None
        else f"{sides.orientation}: the optic disc lies where upright photographs have it in {sides.upright} of "
        f"{sides.photographs} photographs in which it can be relied on",
    )
    if about is None:
        yield "versions", f"kerasdr {bundle.made_by}; others {NOT_RECORDED}"
        yield "when", NOT_RECORDED
    else:
        packages = ", ".join(f"{name} {version}" for name, version in about.packages.items())
        yield "versions", f"kerasdr {bundle.made_by}, Python {about.python}, {packages}; {about.platform}"
        yield "configuration", f"SHA-256 {about.config_sha256}"
        yield "when", f"training began {about.begun}, bundle written {about.written}"


def _figures(validation: Mapping[str, Any]) -> str:
    ensemble = validation.get("ensemble")
    if not isinstance(ensemble, Mapping):
        return NOT_RECORDED
    said = [f"{title} {_figure(ensemble[name])}" for name, title in _FIGURES.items() if name in ensemble]
    return ", ".join(said) + " (95% intervals over people)" if said else NOT_RECORDED


def _figure(figure: Any) -> str:
    if not isinstance(figure, Mapping) or not isinstance(figure.get("value"), int | float):
        return "undefined"
    ends = [figure.get("low"), figure.get("high")]
    if not all(isinstance(end, int | float) for end in ends):
        return f"{figure['value']:.3f} (no interval)"
    return f"{figure['value']:.3f} ({ends[0]:.3f} to {ends[1]:.3f})"
