import errno
import io
import json
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.errors import KerasdrError
from kerasdr.files import sha256_of
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, find_bundle, load_bundle, write_bundle

MakeBundle = Callable[..., Path]
FILES = ("SHA256SUMS", "manifest.json", "weights/dual.npz", "weights/single.npz")


@pytest.fixture(scope="module")
def whole(make_bundle: MakeBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("whole") / "bundle")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copytree(whole, tmp_path / "bundle")
    return tmp_path / "bundle"


def reseal(folder: Path) -> None:
    """Write the checksums anew, as somebody who meddles would."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    sums = "".join(f"{sha256_of(path.read_bytes())}  {path.relative_to(folder).as_posix()}\n" for path in files)
    (folder / "SHA256SUMS").write_text(sums)


def edit_manifest(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))
    reseal(folder)


def refusal(folder: Path) -> str:
    with pytest.raises(KerasdrError) as caught:
        for member in load_bundle(folder).members:
            dict(member.weights)  # read when they are asked for
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_round_trip(whole: Path) -> None:
    bundle = load_bundle(whole)
    assert bundle.name == "fake-1"
    assert [member.name for member in bundle.members] == ["dual", "single"]
    assert [member.model.mode for member in bundle.members] == ["dual", "single"]
    assert all(member.recipe == get_recipe("clahe-crop", 48) for member in bundle.members)
    assert bundle.ensemble == EnsembleSpec("soft", (0.5, 0.5))
    assert bundle.max_megapixels == 100.0
    assert bundle.validation == {"quadratic_kappa": 0.5}
    kernel = bundle.members[1].weights["0000:conv/kernel"]
    assert kernel.dtype == np.float32
    assert kernel.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    assert bundle.members[1].weights["0001:count"] == 7


def test_digest_names_the_checksums_and_the_label_shows_its_start(whole: Path) -> None:
    bundle = load_bundle(whole)
    assert bundle.digest == sha256_of((whole / "SHA256SUMS").read_bytes())
    assert bundle.label == f"fake-1@{bundle.digest[:12]}"


def test_same_content_has_the_same_digest_and_other_content_another(make_bundle: MakeBundle, tmp_path: Path) -> None:
    first, again = (load_bundle(make_bundle(tmp_path / name)) for name in ("first", "again"))
    other = load_bundle(make_bundle(tmp_path / "other", max_megapixels=99.0))
    assert first.digest == again.digest != other.digest


def test_arrays_travel_under_any_name_and_objects_do_not(make_bundle: MakeBundle, tmp_path: Path) -> None:
    spec, recipe, soft = ModelSpec(trunk="tiny", weights="none"), get_recipe("none", 48), EnsembleSpec("soft", (1.0,))
    arrays = {"file": np.ones(2), "allow_pickle": np.zeros(3, np.float16), "a/b:c": np.array(1, np.int64)}
    member = BundleMember("only", spec, recipe, arrays)
    write_bundle(tmp_path / "b", name="b", members=[member], ensemble=soft, validation={})
    back = load_bundle(tmp_path / "b").members[0].weights
    assert {key: (array.dtype, array.tolist()) for key, array in back.items()} == {
        key: (array.dtype, array.tolist()) for key, array in arrays.items()
    }
    member = BundleMember("only", spec, recipe, {"a": np.array([Trap()], dtype=object)})
    with pytest.raises(KerasdrError, match="cannot write the bundle"):
        write_bundle(tmp_path / "c", name="c", members=[member], ensemble=soft, validation={})
    assert os.listdir(tmp_path) == ["b"]


def test_where_initial_weights_lay_does_not_travel(make_bundle: MakeBundle, tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b", members=[("only", {"weights": "/home/me/w.h5"}, "none")])
    assert "/home/me" not in (folder / "manifest.json").read_text()
    assert load_bundle(folder).members[0].model.weights == "none"


def test_recipes_are_listed_once(make_bundle: MakeBundle, tmp_path: Path) -> None:
    members = [("a", {}, "clahe-crop"), ("b", {}, "none"), ("c", {}, "clahe-crop")]
    bundle = load_bundle(make_bundle(tmp_path / "b", members=members))
    assert [recipe.name for recipe in bundle.recipes] == ["clahe-crop", "none"]


@pytest.mark.parametrize(
    ("recipes", "weights", "explained", "shown"),
    [
        (["clahe-crop", "none", "crop"], [0.3, 0.4, 0.3], (True, False, True), 0),  # those that crop outweigh it
        (["clahe-crop", "none", "clahe"], [0.3, 0.4, 0.3], (False, True, True), 1),
        (["none", "crop"], [0.4, 0.6], (False, True), 1),
        (["none"], [1.0], (True,), 0),
    ],
)
def test_picture_shows_the_frame_of_the_weightier_members(
    recipes: list[str],
    weights: list[float],
    explained: tuple[bool, ...],
    shown: int,
    make_bundle: MakeBundle,
    tmp_path: Path,
) -> None:
    members = [(f"m{number}", {}, recipe) for number, recipe in enumerate(recipes)]
    ensemble = EnsembleSpec("weighted", tuple(weights))
    bundle = load_bundle(make_bundle(tmp_path / "b", members=members, ensemble=ensemble))
    assert bundle.explained == explained
    assert bundle.shown_recipe == shown


def test_name_may_be_that_of_an_experiment_with_its_time(make_bundle: MakeBundle, tmp_path: Path) -> None:
    name = "x" * 64 + "-20260101-093000"
    assert load_bundle(make_bundle(tmp_path / "b", name=name)).name == name
    with pytest.raises(KerasdrError, match=r"cannot write the bundle .*: manifest\.json: name"):
        make_bundle(tmp_path / "c", name="a/b")


def test_writing_replaces_an_older_bundle_whole(make_bundle: MakeBundle, tmp_path: Path) -> None:
    make_bundle(tmp_path / "b")
    make_bundle(tmp_path / "b", members=[("only", {}, "none")])
    assert [member.name for member in load_bundle(tmp_path / "b").members] == ["only"]
    assert os.listdir(tmp_path) == ["b"]


def test_bundle_that_cannot_be_written(make_bundle: MakeBundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(KerasdrError, match="cannot write the bundle"):
        make_bundle(tmp_path / "file" / "b")


def test_bundle_that_cannot_be_replaced_stays(
    make_bundle: MakeBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_bundle(make_bundle(tmp_path / "b"))
    replace = os.replace

    def refuse(source: Any, target: Any) -> None:
        if Path(source).name == ".b.new":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(KerasdrError, match=rf"cannot write the bundle .*: {os.strerror(errno.EIO)}; check the folder"):
        make_bundle(tmp_path / "b", members=[("only", {}, "none")])
    assert os.listdir(tmp_path) == ["b"]
    assert load_bundle(tmp_path / "b").digest == before.digest


@pytest.mark.parametrize("call", [1, 4, 8])
def test_full_disk_leaves_the_older_bundle(
    call: int, make_bundle: MakeBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_bundle(make_bundle(tmp_path / "b"))
    calls = 0

    def fail(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(KerasdrError, match=r"cannot write the bundle .*No space left on device"):
        make_bundle(tmp_path / "b", name="other")
    assert os.listdir(tmp_path) == ["b"]
    assert load_bundle(tmp_path / "b").digest == before.digest


@pytest.mark.parametrize("names", [["../../up"], ["same", "same"]])
def test_names_of_members_are_checked_before_anything_is_written(
    names: list[str], make_bundle: MakeBundle, tmp_path: Path
) -> None:
    with pytest.raises(KerasdrError, match=r"cannot write the bundle .*: manifest\.json: "):
        make_bundle(tmp_path / "b", members=[(name, {}, "none") for name in names])
    assert os.listdir(tmp_path) == []


def test_checksums_are_those_of_the_common_tool(whole: Path) -> None:
    lines = (whole / "SHA256SUMS").read_text().splitlines()
    assert lines == [f"{sha256_of((whole / file).read_bytes())}  {file}" for file in FILES[1:]]


@pytest.mark.parametrize("file", FILES)
def test_every_changed_byte_is_noticed(file: str, folder: Path) -> None:
    path = folder / file
    data = path.read_bytes()
    random = np.random.default_rng(len(data))
    places = {0, len(data) - 1, *random.integers(len(data), size=60).tolist()}
    for place in sorted(places):
        changed = bytearray(data)
        changed[place] ^= 1 << int(random.integers(8))
        path.write_bytes(changed)
        refusal(folder)
    path.write_bytes(data)
    assert load_bundle(folder).name == "fake-1"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("left", [0, 1, -1])
def test_every_cut_is_noticed(file: str, left: int, folder: Path) -> None:
    (folder / file).write_bytes((folder / file).read_bytes()[:left])
    refusal(folder)


@pytest.mark.parametrize("file", FILES)
def test_missing_file(file: str, folder: Path) -> None:
    (folder / file).unlink()
    assert file in refusal(folder)


@pytest.mark.parametrize("name", ["readme.txt", "weights/third.npz", ".hidden", "deep/er/file", "SHA256SUMS.bak"])
def test_extra_file(name: str, folder: Path) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x")
    assert f"{name} does not belong there" in refusal(folder)
    reseal(folder)  # even with its checksum it is none of the manifest's
    assert "not those that manifest.json names" in refusal(folder)


def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    weights = folder / "weights" / "dual.npz"
    weights.rename(tmp_path / "dual.npz")
    weights.symlink_to(tmp_path / "dual.npz")
    assert "weights/dual.npz is no ordinary file" in refusal(folder)


def test_pipe_is_refused_and_not_waited_for(folder: Path) -> None:
    (folder / "weights" / "dual.npz").unlink()
    os.mkfifo(folder / "weights" / "dual.npz")
    assert "weights/dual.npz is no ordinary file" in refusal(folder)


def test_linked_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "weights").rename(tmp_path / "weights")
    (folder / "weights").symlink_to(tmp_path / "weights")
    assert "weights is no ordinary file" in refusal(folder)


@pytest.mark.parametrize("name", ["../secret", "weights/../../secret", "{root}/secret", "./manifest.json", "a b"])
def test_checksums_name_only_what_is_inside(name: str, folder: Path) -> None:
    (folder.parent / "secret").write_bytes(b"secret")
    with open(folder / "SHA256SUMS", "a") as file:
        file.write(f"{sha256_of(b'secret')}  {name.format(root=folder.parent)}\n")
    message = refusal(folder)
    assert "SHA256SUMS is damaged" in message or "is missing" in message


def test_file_listed_twice(folder: Path) -> None:
    sums = (folder / "SHA256SUMS").read_text()
    (folder / "SHA256SUMS").write_text(sums + sums.splitlines(keepends=True)[0])
    assert "SHA256SUMS is damaged" in refusal(folder)


def set_(*path: Any) -> Callable[[dict[str, Any]], None]:
    """Return an edit: the last item is the value, those before lead to its place."""

    def edit(manifest: Any) -> None:
        *way, key, value = path
        for step in way:
            manifest = manifest[step]
        manifest[key] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (set_("format", 2), "manifest.json: format"),
        (set_("format", "1"), "manifest.json: format"),
        (set_("extra", 1), "manifest.json: extra"),
        (set_("members", 0, "code", "import os"), "manifest.json: members.0.code"),
        (set_("members", 0, "model", "layer", "Lambda"), "manifest.json: members.0.model.layer"),
        (set_("members", []), "manifest.json: members"),
        (set_("members", 0, "name", "../../etc"), "manifest.json: members.0.name"),
        (set_("members", 1, "name", "dual"), "two members have one name"),
        (set_("max_megapixels", 0), "manifest.json: max_megapixels"),
        (set_("max_megapixels", float("inf")), "manifest.json: max_megapixels"),
        (lambda manifest: manifest.pop("ensemble"), "manifest.json: ensemble"),
        (set_("members", 0, "weights", "../dual.npz"), "not those that manifest.json names"),
        (set_("members", 0, "weights", "manifest.json"), "not those that manifest.json names"),
        (set_("members", 0, "recipe", "steps", []), "a recipe has a list of steps"),
        (set_("members", 0, "recipe", "steps", 0, "name", "os.system"), "step 1 is one of"),
        (set_("members", 0, "recipe", "size", 10**9), "a recipe's size is between"),
        (set_("ensemble", "method", "eval"), "no ensemble method is called 'eval'"),
        (set_("ensemble", "weights", [1.0]), "1 ensemble weights for 2 members"),
        (set_("ensemble", "weights", [0.2, 0.3, 0.5]), "3 ensemble weights for 2 members"),
        (set_("ensemble", "weights", [0.5, 0.6]), "ensemble weights must be"),
        (set_("ensemble", "weights", [1.5, -0.5]), "ensemble weights must be"),
        (set_("ensemble", "weights", [float("nan"), 1.0]), "ensemble weights must be"),
    ],
)
def test_manifest_that_says_something_else(edit: Callable[[dict[str, Any]], object], words: str, folder: Path) -> None:
    edit_manifest(folder, edit)
    assert words in refusal(folder)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_manifest_that_is_none(data: bytes, folder: Path) -> None:
    (folder / "manifest.json").write_bytes(data)
    reseal(folder)
    assert "manifest.json" in refusal(folder)


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def compressed(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def zipped(**entries: bytes) -> bytes:
    """An archive; a name that ends with ``_again`` is there a second time."""
    stream = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(stream, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name.removesuffix("_again"), data)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


class Trap:
    """Unpickling it would be noticed."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (npz(a=np.array([1.0, np.nan])), "a holds values that are no finite numbers"),
        (npz(a=np.ones(3), b=np.array([np.inf])), "b holds values that are no finite numbers"),
        (npz(a=np.array(["text"])), "a holds values that are no finite numbers"),
        (npz(a=np.array([1j])), "a holds values that are no finite numbers"),
        (npz(a=np.array(["2026-01-01"], "datetime64[D]")), "a holds values that are no finite numbers"),
        (npz(a=np.array([Trap()], dtype=object)), "holds no plain arrays"),
        (npy(np.ones(3)), "holds no plain arrays"),
        (npz(a=np.ones(3))[:-30], "holds no plain arrays"),
        (npz(a=np.ones(3)).replace(b"NUMPY", b"numpy"), "holds no plain arrays"),
        (compressed(a=np.zeros(10**6)), "holds no plain arrays"),  # a few bytes could become any number
        (zipped(**{"a.npy": npy(np.ones(3)), "a.npy_again": npy(np.zeros(3))}), "holds no plain arrays"),
        (zipped(**{"a.txt": b"text"}), "holds no plain arrays"),
        (zipped(**{"a.npy": npy(np.ones(3)).replace(b"(3,)", b"(3000000000000,)")}), "holds no plain arrays"),
        (zipped(**{"a.npy": npy(np.ones(3)).replace(b"'shape': (3,), } ", b"'shape': (3e9,), }")}), "holds no plain"),
        (npz(a=np.array([True])), "a holds values that are no finite numbers"),
        (b"", "holds no plain arrays"),
        (b"PK\x03\x04", "holds no plain arrays"),
        (b"rubbish", "holds no plain arrays"),
        (b"\x80\x04N.", "holds no plain arrays"),
    ],
)
def test_weights_that_are_no_plain_finite_numbers(
    data: bytes, words: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "weights" / "single.npz").write_bytes(data)
    reseal(folder)
    message = refusal(folder)
    assert "weights/single.npz" in message and words in message
    assert not (tmp_path / "unpickled").exists()


def test_bundle_is_found_by_itself_its_run_and_a_pointer(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "demo" / "one"
    shutil.copytree(whole, run / "bundle")
    (tmp_path / "runs" / "chosen").write_text("demo/one\n")
    assert find_bundle(run / "bundle") == find_bundle(run) == run / "bundle"
    assert find_bundle(tmp_path / "runs" / "chosen").resolve() == (run / "bundle").resolve()
    assert isinstance(load_bundle(str(tmp_path / "runs" / "chosen")), Bundle)


def test_model_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(KerasdrError, match=r"the model .* cannot be read \(Permission denied\): check the name and"):
        find_bundle(tmp_path)


def test_file_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_open = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith("dual.npz"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return plain_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    assert "dual.npz cannot be read (Permission denied): check its permissions" in refusal(folder)


def test_no_bundle_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KerasdrError, match=r"no model at .*kerasdr train demo"):
        find_bundle(tmp_path / "absent")
    with pytest.raises(KerasdrError, match="is no bundle, no run with a bundle, and no pointer"):
        find_bundle(tmp_path)


@pytest.mark.parametrize(
    "content", [b"gone", b"\0\x01\xff", b"x" * 3000, b"", b"y" * 5000, b"two\nlines"], ids=lambda value: str(value[:4])
)
def test_pointer_that_leads_nowhere(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "chosen").write_bytes(content)
    with pytest.raises(KerasdrError, match=r"which is not there|is no bundle|is no pointer to a run"):
        find_bundle(tmp_path / "chosen")
