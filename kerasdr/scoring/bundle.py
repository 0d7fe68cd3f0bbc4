"""The bundle: what scoring loads. A folder of data, each byte of it covered by a checksum.

::

    manifest.json              members (network, recipe, weights file), ensemble, calibration, validation figures
    weights/<member>.npz       plain arrays
    graphs/<engine>/<member>.* the same networks as graphs of an inference engine
    golden/*                   photographs whose answers are known: what a machine is tried with before it grades
    SHA256SUMS                 of every other file, in the form of the tool ``sha256sum``

A signature of that list, SHA256SUMS.sig, may lie beside it (:mod:`kerasdr.scoring.signature`). There is nothing in a bundle to
execute: networks are rebuilt from their description by kerasdr's own code, and graphs hold nodes and numbers. The digest of
``SHA256SUMS`` names the bundle. Weights and graphs are read when an engine asks for them, since each engine needs only one of
them.
"""

import contextlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError

from kerasdr import __version__
from kerasdr.calibration import CalibrationPart
from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec, combine
from kerasdr.errors import KerasdrError, ModelRefusedError
from kerasdr.files import printable_path, sha256_of, sync_folder, write_bytes_atomically
from kerasdr.imaging.recipes import Recipe
from kerasdr.scoring.about import About
from kerasdr.scoring.arrays import Arrays, arrays_to_bytes, read_arrays
from kerasdr.scoring.doubts import Doubts
from kerasdr.scoring.drift_reference import DriftReference
from kerasdr.scoring.eye_sides import EyeSides
from kerasdr.scoring.golden_part import Golden, golden_file
from kerasdr.scoring.graphs import GraphEngine, Graphs, MemberGraph, graph_files
from kerasdr.scoring.manifest import NOTE, GraphsEntry, Manifest, MemberEntry
from kerasdr.scoring.pointer import MANIFEST, find_bundle
from kerasdr.scoring.sealed import SealedFolder, open_sealed, seal

_LARGEST_MANIFEST = 16 * 2**20
_AGAIN = "write it again with this kerasdr, or copy it again from where it was made"


@dataclass(frozen=True)
class BundleMember:
    """One network of a bundle: how it is built, what it is fed, its weights."""

    name: str
    model: ModelSpec
    recipe: Recipe
    weights: Arrays


def combine_calibrated(
    ensemble: EnsembleSpec, calibration: CalibrationPart | None, probabilities: ArrayLike
) -> NDArray[np.float64]:
    """Return members' probabilities ``(M, N, 5)`` combined and, if there is a calibration, calibrated, ``(N, 5)``."""
    together = combine(ensemble, probabilities)
    return together if calibration is None else calibration.calibrated(together)


@dataclass(frozen=True)
class Bundle:
    """A verified bundle.

    Attributes:
        name: for people, such as ``demo-20260101-093000``.
        digest: SHA-256 that covers every byte of it.
        members: its networks.
        ensemble: how they are combined.
        max_megapixels: larger photographs are refused.
        validation: figures on validation data, as the training wrote them.
        graphs: of inference engines, as far as they were made.
        calibration: of the combined probabilities, with operating point and sets; None if nothing was fitted, as in
            bundles of early versions.
        golden: photographs whose answers are known; None in bundles of earlier versions, as are the next four.
        about: where it comes from.
        reference: what validation photographs looked like to it.
        doubts: limits beyond which a photograph is doubtful.
        eye_sides: how its photographs showed eyes.
        made_by: the version of kerasdr that wrote it.
    """

    name: str
    digest: str
    members: tuple[BundleMember, ...]
    ensemble: EnsembleSpec
    max_megapixels: float
    validation: Mapping[str, Any]
    graphs: Mapping[GraphEngine, Graphs] = field(default_factory=dict)
    calibration: CalibrationPart | None = None
    golden: Golden | None = None
    about: About | None = None
    reference: DriftReference | None = None
    doubts: Doubts | None = None
    eye_sides: EyeSides | None = None
    made_by: str = ""

    @property
    def label(self) -> str:
        """Name and start of the digest, as the CSV's column ``model`` shows it."""
        return f"{self.name}@{self.digest[:12]}"

    def combined(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        """Return the grade probabilities that the bundle gives, calibrated: ``(N, 5)`` from its members' ``(M, N, 5)``.

        Raises:
            ValueError: as :func:`~kerasdr.ensembles.combine`.
        """
        return combine_calibrated(self.ensemble, self.calibration, probabilities)

    @property
    def caution(self) -> str:
        """What anyone who sees a grade of this bundle has to know; empty if there is nothing."""
        if self.validation.get("phantoms"):
            return "trained on synthetic photographs: its grades say nothing about people"
        return ""

    @property
    def explained(self) -> tuple[bool, ...]:
        """Which members' heat maps belong on the picture, one boolean a member.

        Recipes that crop and recipes that do not show the network different frames, and a map of one frame would point at
        the wrong place in another. So the picture has the frame whose members weigh most together (the first of equals),
        and the others vote without being shown.
        """
        frames = [member.recipe.steps[0] for member in self.members]
        weights = [
            sum(weight for other, weight in zip(frames, self.ensemble.weights, strict=True) if other == frame)
            for frame in frames
        ]
        # Sums of the same weights in another order differ in their last digits; that must not decide.
        shown = next(frame for frame, weight in zip(frames, weights, strict=True) if weight >= max(weights) - 1e-9)
        return tuple(frame == shown for frame in frames)

    @property
    def shown_recipe(self) -> int:
        """Place in :attr:`recipes` of the one whose frame the picture has."""
        return self.recipes.index(self.members[self.explained.index(True)].recipe)

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """The different recipes of the members, each once, in order."""
        return tuple({json.dumps(m.recipe.to_dict(), sort_keys=True): m.recipe for m in self.members}.values())


def write_bundle(
    folder: Path,
    *,
    name: str,
    members: Sequence[BundleMember],
    ensemble: EnsembleSpec,
    validation: Mapping[str, Any],
    max_megapixels: float = 100.0,
    graphs: Sequence[Graphs] = (),
    calibration: CalibrationPart | None = None,
    golden: Golden | None = None,
    about: About | None = None,
    reference: DriftReference | None = None,
    doubts: Doubts | None = None,
    eye_sides: EyeSides | None = None,
) -> None:
    """Write a bundle; a folder that stands there already is replaced once the new one is complete.

    Raises:
        KerasdrError: if it cannot be written, or a name is none.
    """
    new = folder.with_name(f".{folder.name}.new")
    try:
        # Checked before a file is made of it: members' names are names of files.
        manifest = Manifest(
            format=1,
            name=name,
            kerasdr=__version__,
            note=NOTE,
            max_megapixels=max_megapixels,
            members=tuple(_entry(member) for member in members),
            ensemble=ensemble.to_dict(),
            validation=dict(validation),
            graphs={
                part.engine: GraphsEntry(
                    made_with=part.made_with,
                    precision=part.precision,
                    difference=dict(part.difference),
                    validation_kappa=dict(part.validation_kappa),
                )
                for part in graphs
            },
            calibration=calibration,
            golden=None if golden is None else golden.part,
            about=about,
            reference=reference,
            doubts=doubts,
            eye_sides=eye_sides,
        )
        _check_members(manifest, len(ensemble.weights))
        shutil.rmtree(new, ignore_errors=True)
        files = {
            entry.weights: arrays_to_bytes(member.weights)
            for member, entry in zip(members, manifest.members, strict=True)
        }
        for part in graphs:
            for member in members:
                files |= dict(zip(graph_files(part.engine, member.name), part.members[member.name].read(), strict=True))
        if golden is not None:
            files |= {golden_file(name): golden.files[name] for name in golden.part.files}
        files[MANIFEST] = (json.dumps(manifest.to_json_data(), indent=1) + "\n").encode()
        for file, data in files.items():
            (new / file).parent.mkdir(parents=True, exist_ok=True)
            write_bytes_atomically(new / file, data)
        seal(new, list(files))
        _put_in_place(new, folder)
    except (KerasdrError, ValueError, OSError) as error:  # ValueError: a value that is no plain data
        shutil.rmtree(new, ignore_errors=True)
        why = _explain(error, "give it another value")
        raise KerasdrError(f"cannot write the bundle {printable_path(folder)}: {why}") from error


def _put_in_place(new: Path, folder: Path) -> None:
    """Give a complete folder its name, in the place of an older one, which comes back if that fails."""
    old = folder.with_name(f".{folder.name}.old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
    try:
        os.replace(new, folder)
    except OSError:
        if old.exists():
            os.replace(old, folder)
        raise
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _entry(member: BundleMember) -> MemberEntry:
    # Where the initial weights lay is of no use to anyone who loads the trained ones.
    spec = member.model.model_copy(update={"weights": "none"})
    recipe = member.recipe.to_dict()
    return MemberEntry(name=member.name, model=spec, recipe=recipe, weights=f"weights/{member.name}.npz")


def _check_members(manifest: Manifest, n_weights: int) -> None:
    if len({entry.name for entry in manifest.members}) < len(manifest.members):
        raise KerasdrError(f"{MANIFEST}: two members have one name: give each its own")
    if n_weights != len(manifest.members):
        n_members = len(manifest.members)
        raise KerasdrError(f"{MANIFEST}: {n_weights} ensemble weights for {n_members} members: give each member one")


def _explain(error: Exception, remedy: str) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return f"{MANIFEST}: {place}: {first['msg']}; {remedy}"
    if isinstance(error, OSError):
        return f"{error.strerror or error}; check the folder and its space"
    return str(error) if isinstance(error, KerasdrError) else f"{error}; {remedy}"


class _LateFiles(Mapping[str, bytes]):
    """Golden files, read and checked when they are asked for."""

    def __init__(self, sealed: SealedFolder, names: Sequence[str]) -> None:
        self._sealed, self._names = sealed, names

    def __getitem__(self, name: str) -> bytes:
        if name not in self._names:
            raise KeyError(name)
        with _named(self._sealed.folder):
            return self._sealed.read(golden_file(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _LateArrays(Mapping[str, NDArray[np.generic]]):
    """A network's arrays, read and checked when the first of them is asked for."""

    def __init__(self, sealed: SealedFolder, file: str) -> None:
        self._sealed, self._file = sealed, file

    @cached_property
    def _arrays(self) -> Arrays:
        with _named(self._sealed.folder):
            return read_arrays(self._file, self._sealed.read(self._file))

    def __getitem__(self, name: str) -> NDArray[np.generic]:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


@contextlib.contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Let what is wrong with a bundle name it."""
    try:
        yield
    except (KerasdrError, ValidationError) as error:
        raise ModelRefusedError(f"bundle {printable_path(folder)}: {_explain(error, _AGAIN)}") from error


def load_bundle(path: str | Path) -> Bundle:
    """Load a bundle after checking every byte of it.

    Weights and graphs are read, and checked again, when an engine asks for them; until then the folder has to stay.

    Args:
        path: a bundle's folder, a finished run, or a pointer file such as ``runs/chosen``.

    Raises:
        KerasdrError: if there is none there.
        ModelRefusedError: if a file is missing, was added or changed, or does not say what it should.
    """
    folder = find_bundle(Path(path)).resolve()
    with _named(folder):
        sealed = open_sealed(folder)
        if MANIFEST not in sealed.sums:
            raise KerasdrError(f"{MANIFEST} is missing: {_AGAIN}")
        manifest = Manifest.model_validate_json(sealed.read(MANIFEST, _LARGEST_MANIFEST))
        sealed.check()
        recipes, ensemble = _described(manifest)
        names = [entry.name for entry in manifest.members]
        graphs = {engine: [graph_files(engine, name) for name in names] for engine in manifest.graphs}
        expected = {MANIFEST, *(entry.weights for entry in manifest.members)}
        golden = manifest.golden
        expected |= set() if golden is None else {golden_file(name) for name in golden.files}
        if expected.union(*itertools.chain.from_iterable(graphs.values())) != set(sealed.sums):
            raise KerasdrError(f"its files are not those that {MANIFEST} names: {_AGAIN}")
        _check_members(manifest, len(ensemble.weights))
    members = tuple(
        BundleMember(entry.name, entry.model, recipe, _LateArrays(sealed, entry.weights))
        for entry, recipe in zip(manifest.members, recipes, strict=True)
    )
    return Bundle(
        manifest.name,
        sealed.digest,
        members,
        ensemble,
        manifest.max_megapixels,
        manifest.validation,
        {
            engine: Graphs(
                engine,
                about.made_with,
                about.precision,
                {name: _late_graph(sealed, files) for name, files in zip(names, graphs[engine], strict=True)},
                about.difference,
                about.validation_kappa,
            )
            for engine, about in manifest.graphs.items()
        },
        manifest.calibration,
        None if golden is None else Golden(golden, _LateFiles(sealed, golden.files)),
        manifest.about,
        manifest.reference,
        manifest.doubts,
        manifest.eye_sides,
        manifest.kerasdr,
    )


def _late_graph(sealed: SealedFolder, files: Sequence[str]) -> MemberGraph:
    def read() -> tuple[bytes, ...]:
        with _named(sealed.folder):
            return tuple(sealed.read(file) for file in files)

    return MemberGraph(sha256_of("".join(sealed.sums[file] for file in files).encode()), read)


def _described(manifest: Manifest) -> tuple[list[Recipe], EnsembleSpec]:
    try:
        ensemble = EnsembleSpec.from_dict(manifest.ensemble)
    except KerasdrError as error:
        raise KerasdrError(f"{MANIFEST}: {error}") from error
    try:
        return [Recipe.from_dict(entry.recipe) for entry in manifest.members], ensemble
    except KerasdrError as error:
        raise KerasdrError(f"{MANIFEST}: {error}; {_AGAIN}") from error
