"""The bundle: what scoring loads. A folder of data, each byte of it covered by a checksum.

::

    manifest.json           members (network, recipe, weights file), ensemble, validation figures
    weights/<member>.npz    plain arrays
    SHA256SUMS              of every other file, in the form of the tool ``sha256sum``

There is nothing in it to execute: networks are rebuilt from their description by kerasdr's own code. The digest of
``SHA256SUMS`` names the bundle.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from kerasdr import __version__
from kerasdr.config import ModelSpec, Name, Section
from kerasdr.ensembles import EnsembleSpec
from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, sync_folder, write_bytes_atomically
from kerasdr.imaging.recipes import Recipe
from kerasdr.scoring.sealed import SUMS, Arrays, arrays_to_bytes, read_arrays, read_sealed, seal

_MANIFEST = "manifest.json"
_NOTE = "For research. Not a medical device: a grade is no diagnosis and needs a qualified reader."
_AGAIN = "write it again with this kerasdr, or copy it again from where it was made"
_LARGEST_POINTER = 4096

# An experiment's name, which has up to 64 characters, and the time of its run.
_BundleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=128)]


class _MemberEntry(Section):
    name: Name
    model: ModelSpec
    recipe: dict[str, Any]
    weights: str


class _Manifest(Section):
    format: Literal[1]
    name: _BundleName
    kerasdr: str
    note: str
    max_megapixels: float = Field(gt=0)
    members: tuple[_MemberEntry, ...] = Field(min_length=1)
    ensemble: dict[str, Any]
    validation: dict[str, Any]


@dataclass(frozen=True)
class BundleMember:
    """One network of a bundle: how it is built, what it is fed, its weights."""

    name: str
    model: ModelSpec
    recipe: Recipe
    weights: Arrays


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
    """

    name: str
    digest: str
    members: tuple[BundleMember, ...]
    ensemble: EnsembleSpec
    max_megapixels: float
    validation: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Name and start of the digest, as the CSV's column ``model`` shows it."""
        return f"{self.name}@{self.digest[:12]}"

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
) -> None:
    """Write a bundle; a folder that stands there already is replaced once the new one is complete.

    Raises:
        KerasdrError: if it cannot be written, or a name is none.
    """
    new = folder.with_name(f".{folder.name}.new")
    try:
        # Checked before a file is made of it: members' names are names of files.
        manifest = _Manifest(
            format=1,
            name=name,
            kerasdr=__version__,
            note=_NOTE,
            max_megapixels=max_megapixels,
            members=tuple(_entry(member) for member in members),
            ensemble=ensemble.to_dict(),
            validation=dict(validation),
        )
        _check_members(manifest, len(ensemble.weights))
        shutil.rmtree(new, ignore_errors=True)
        (new / "weights").mkdir(parents=True)
        for member, entry in zip(members, manifest.members, strict=True):
            write_bytes_atomically(new / entry.weights, arrays_to_bytes(member.weights))
        write_bytes_atomically(
            new / _MANIFEST, (json.dumps(manifest.model_dump(mode="json"), indent=1) + "\n").encode()
        )
        seal(new, [_MANIFEST, *(entry.weights for entry in manifest.members)])
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


def _entry(member: BundleMember) -> _MemberEntry:
    # Where the initial weights lay is of no use to anyone who loads the trained ones.
    spec = member.model.model_copy(update={"weights": "none"})
    recipe = member.recipe.to_dict()
    return _MemberEntry(name=member.name, model=spec, recipe=recipe, weights=f"weights/{member.name}.npz")


def _check_members(manifest: _Manifest, n_weights: int) -> None:
    if len({entry.name for entry in manifest.members}) < len(manifest.members):
        raise KerasdrError(f"{_MANIFEST}: two members have one name: give each its own")
    if n_weights != len(manifest.members):
        n_members = len(manifest.members)
        raise KerasdrError(f"{_MANIFEST}: {n_weights} ensemble weights for {n_members} members: give each member one")


def _explain(error: Exception, remedy: str) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return f"{_MANIFEST}: {place}: {first['msg']}; {remedy}"
    if isinstance(error, OSError):
        return f"{error.strerror or error}; check the folder and its space"
    return str(error) if isinstance(error, KerasdrError) else f"{error}; {remedy}"


def find_bundle(path: Path) -> Path:
    """Return the bundle's folder for a bundle, a run, or a pointer file such as ``runs/chosen``.

    Raises:
        KerasdrError: if there is none.
    """
    shown = printable_path(path)
    try:
        if path.is_file():
            path = _pointed_to(path)
        for folder in (path, path / "bundle"):
            if (folder / _MANIFEST).is_file() or (folder / SUMS).is_file():
                return folder
        there = path.exists()
    except (OSError, ValueError) as error:  # ValueError: a NUL byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise KerasdrError(
            f"the model {shown} cannot be read ({reason}): check the name and its permissions"
        ) from error
    if not there:
        raise KerasdrError(
            f"no model at {shown}: train one with `kerasdr train demo`, or name a bundle or a run with --model"
        )
    raise KerasdrError(f"{shown} is no bundle, no run with a bundle, and no pointer to one: name one with --model")


def _pointed_to(pointer: Path) -> Path:
    with open(pointer, "rb") as file:
        data = file.read(_LARGEST_POINTER)
    text = data.decode("utf-8", "replace").strip()
    if not text or not text.isprintable() or len(data) == _LARGEST_POINTER:
        raise KerasdrError(
            f"{printable_path(pointer)} is no pointer to a run: choose one with `kerasdr choose RUN`, or name one with --model"
        )
    target = pointer.parent / text
    if not os.path.isdir(target):
        raise KerasdrError(
            f"{printable_path(pointer)} points to {target}, which is not there: choose a run with `kerasdr choose RUN`"
        )
    return target


def load_bundle(path: str | Path) -> Bundle:
    """Load a bundle after checking every byte of it.

    Args:
        path: a bundle's folder, a finished run, or a pointer file such as ``runs/chosen``.

    Raises:
        KerasdrError: if a file is missing, was added or changed, or does not say what it should.
    """
    folder = find_bundle(Path(path))
    try:
        contents, digest = read_sealed(folder)
        if _MANIFEST not in contents:
            raise KerasdrError(f"{_MANIFEST} is missing: {_AGAIN}")
        manifest = _Manifest.model_validate_json(contents[_MANIFEST])
        recipes, ensemble = _described(manifest)
        if {entry.weights for entry in manifest.members} | {_MANIFEST} != set(contents):
            raise KerasdrError(f"its files are not those that {_MANIFEST} names: {_AGAIN}")
        _check_members(manifest, len(ensemble.weights))
        members = tuple(
            BundleMember(entry.name, entry.model, recipe, read_arrays(entry.weights, contents[entry.weights]))
            for entry, recipe in zip(manifest.members, recipes, strict=True)
        )
    except (KerasdrError, ValidationError) as error:
        raise KerasdrError(f"bundle {printable_path(folder)}: {_explain(error, _AGAIN)}") from error
    return Bundle(manifest.name, digest, members, ensemble, manifest.max_megapixels, manifest.validation)


def _described(manifest: _Manifest) -> tuple[list[Recipe], EnsembleSpec]:
    try:
        ensemble = EnsembleSpec.from_dict(manifest.ensemble)
    except KerasdrError as error:
        raise KerasdrError(f"{_MANIFEST}: {error}") from error
    try:
        return [Recipe.from_dict(entry.recipe) for entry in manifest.members], ensemble
    except KerasdrError as error:
        raise KerasdrError(f"{_MANIFEST}: {error}; {_AGAIN}") from error
