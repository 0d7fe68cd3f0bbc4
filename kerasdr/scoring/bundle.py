"""The bundle: what scoring loads. A folder of data, each byte of it covered by a checksum.

::

    manifest.json           members (network, recipe, weights file), ensemble, validation figures
    weights/<member>.npz    plain arrays
    SHA256SUMS              of every other file, in the form of the tool ``sha256sum``

There is nothing in it to execute: networks are rebuilt from their description by kerasdr's own code. The digest of
``SHA256SUMS`` names the bundle.
"""

import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from kerasdr import __version__
from kerasdr.config import ModelSpec, Name, Section
from kerasdr.ensembles import EnsembleSpec
from kerasdr.errors import KerasdrError
from kerasdr.files import sha256_of, sync_folder, write_bytes_atomically
from kerasdr.imaging.recipes import Recipe

_SUMS = "SHA256SUMS"
_MANIFEST = "manifest.json"
_NOTE = "For research. Not a medical device: a grade is no diagnosis and needs a qualified reader."

Arrays = Mapping[str, NDArray[np.generic]]


class _MemberEntry(Section):
    name: Name
    model: ModelSpec
    recipe: dict[str, Any]
    weights: str


class _Manifest(Section):
    format: Literal[1]
    name: Name
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
    def recipes(self) -> tuple[Recipe, ...]:
        """The different recipes of the members, each once, in order."""
        return tuple(dict((json.dumps(m.recipe.to_dict(), sort_keys=True), m.recipe) for m in self.members).values())


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
        KerasdrError: if it cannot be written.
    """
    new = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(new, ignore_errors=True)
        (new / "weights").mkdir(parents=True)
        entries = []
        for member in members:
            file = f"weights/{member.name}.npz"
            stream = io.BytesIO()
            np.savez(stream, **member.weights)
            write_bytes_atomically(new / file, stream.getvalue())
            # Where the initial weights lay is of no use to anyone who loads the trained ones.
            spec = member.model.model_copy(update={"weights": "none"})
            entries.append(_MemberEntry(name=member.name, model=spec, recipe=member.recipe.to_dict(), weights=file))
        manifest = _Manifest(
            format=1,
            name=name,
            kerasdr=__version__,
            note=_NOTE,
            max_megapixels=max_megapixels,
            members=tuple(entries),
            ensemble=ensemble.to_dict(),
            validation=dict(validation),
        )
        write_bytes_atomically(new / _MANIFEST, (json.dumps(manifest.model_dump(mode="json"), indent=1) + "\n").encode())
        files = [_MANIFEST, *(entry.weights for entry in entries)]
        sums = "".join(f"{sha256_of((new / file).read_bytes())}  {file}\n" for file in sorted(files))
        write_bytes_atomically(new / _SUMS, sums.encode())
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(new, folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise KerasdrError(f"cannot write the bundle {folder}: {error.strerror}; check the folder and its space") from error


def find_bundle(path: Path) -> Path:
    """Return the bundle's folder for a bundle, a run, or a pointer file such as ``runs/chosen``.

    Raises:
        KerasdrError: if there is none.
    """
    if path.is_file() and path.stat().st_size < 4096:
        target = (path.parent / path.read_text(encoding="utf-8", errors="replace").strip()).resolve()
        if not target.is_dir():
            raise KerasdrError(f"{path} points to {target}, which is not there: choose a run with `kerasdr choose RUN`")
        path = target
    for folder in (path, path / "bundle"):
        if (folder / _MANIFEST).is_file() or (folder / _SUMS).is_file():
            return folder
    if not path.exists():
        raise KerasdrError(
            f"no model at {path}: train one with `kerasdr train demo`, or name a bundle or a run with --model"
        )
    raise KerasdrError(f"{path} is no bundle, no run with a bundle, and no pointer to one: name one with --model")


def load_bundle(path: str | Path) -> Bundle:
    """Load a bundle after checking every byte of it.

    Args:
        path: a bundle's folder, a finished run, or a pointer file such as ``runs/chosen``.

    Raises:
        KerasdrError: if a file is missing, was added or changed, or does not say what it should.
    """
    folder = find_bundle(Path(path))
    contents, digest = _read_checked(folder)
    try:
        manifest = _Manifest.model_validate_json(contents[_MANIFEST])
        recipes = [Recipe.from_dict(entry.recipe) for entry in manifest.members]
        ensemble = EnsembleSpec.from_dict(manifest.ensemble)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise KerasdrError(f"bundle {folder}: {_MANIFEST}: {place}: {first['msg']}; it needs another kerasdr") from error
    except KerasdrError as error:
        raise KerasdrError(f"bundle {folder}: {_MANIFEST}: {error}") from error
    if {entry.weights for entry in manifest.members} | {_MANIFEST} != set(contents):
        raise KerasdrError(f"bundle {folder}: its files are not those that {_MANIFEST} names: copy the bundle again")
    if len(ensemble.weights) != len(manifest.members):
        raise KerasdrError(f"bundle {folder}: {len(ensemble.weights)} ensemble weights for {len(manifest.members)} members")
    members = tuple(
        BundleMember(entry.name, entry.model, recipe, _arrays(folder, entry.weights, contents[entry.weights]))
        for entry, recipe in zip(manifest.members, recipes, strict=True)
    )
    return Bundle(manifest.name, digest, members, ensemble, manifest.max_megapixels, manifest.validation)


def _read_checked(folder: Path) -> tuple[dict[str, bytes], str]:
    # Each file is read once, and what was checked is what is used.
    again = "copy the bundle again from where it was made"
    try:
        present = set()
        for item in sorted(folder.rglob("*")):
            if item.is_symlink():
                raise KerasdrError(f"bundle {folder}: {item.relative_to(folder)} is a link: {again}")
            if not item.is_dir():
                present.add(item.relative_to(folder).as_posix())
        sums = (folder / _SUMS).read_bytes()
        listed: dict[str, str] = {}
        for line in sums.decode("ascii", "replace").splitlines(keepends=True):
            match = re.fullmatch(r"([0-9a-f]{64})  ([A-Za-z0-9._/-]+)\n", line)
            if match is None or match[2] in listed or ".." in match[2].split("/"):
                raise KerasdrError(f"bundle {folder}: {_SUMS} is damaged: {again}")
            listed[match[2]] = match[1]
        if present - {_SUMS} != set(listed):
            odd = sorted((present - {_SUMS}) ^ set(listed))
            kind = "is missing" if odd[0] in listed else "does not belong there"
            raise KerasdrError(f"bundle {folder}: {odd[0]} {kind}: {again}")
        contents = {}
        for name, expected in listed.items():
            contents[name] = (folder / name).read_bytes()
            if sha256_of(contents[name]) != expected:
                raise KerasdrError(f"bundle {folder}: {name} was changed since it was written: {again}")
    except OSError as error:
        raise KerasdrError(f"bundle {folder}: {error.filename} cannot be read ({error.strerror}): {again}") from error
    if _MANIFEST not in contents:
        raise KerasdrError(f"bundle {folder}: {_MANIFEST} is missing: {again}")
    return contents, sha256_of(sums)


def _arrays(folder: Path, name: str, data: bytes) -> Arrays:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as content:
            arrays = {key: content[key] for key in content.files}
    except (ValueError, OSError, zipfile.BadZipFile, KeyError) as error:
        raise KerasdrError(f"bundle {folder}: {name} holds no plain arrays") from error
    for key, array in arrays.items():
        if not np.issubdtype(array.dtype, np.number) or not np.isfinite(array).all():
            raise KerasdrError(f"bundle {folder}: {name}: {key} holds values that are no finite numbers")
    return arrays
