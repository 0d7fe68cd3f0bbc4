"""Signatures by OpenSSH: one's own verifies; another's, another bundle's and none do not."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kerasdr.errors import KerasdrError, ModelRefusedError
from kerasdr.scoring.bundle import load_bundle
from kerasdr.scoring.signature import NAMESPACE, sign_bundle, verify_bundle

MakeBundle = Callable[..., Path]
pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's ssh-keygen is not installed")


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """Two private keys; the file ``signers`` allows the first to sign bundles as maker@hospital."""
    made = []
    for name in ("maker", "other"):
        path = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
        made.append(path)
    public = (tmp_path / "maker.pub").read_text()
    (tmp_path / "signers").write_text(f'maker@hospital namespaces="{NAMESPACE}" {public}')
    return made[0], made[1]


@pytest.fixture
def folder(make_bundle: MakeBundle, tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundle")


def verify(folder: Path, signers: Path, identity: str = "maker@hospital") -> None:
    verify_bundle(folder, load_bundle(folder), signers, identity)


def test_a_signed_bundle_is_the_same_bundle_and_verifies(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    before = load_bundle(folder).digest
    with pytest.raises(ModelRefusedError, match="is not signed: sign it with"):
        verify(folder, tmp_path / "signers")
    assert sign_bundle(folder, load_bundle(folder), keys[0]) == folder.resolve() / "SHA256SUMS.sig"
    assert load_bundle(folder).digest == before
    verify(folder, tmp_path / "signers")
    with pytest.raises(ModelRefusedError, match="is not one of somebody@else"):
        verify(folder, tmp_path / "signers", "somebody@else")


def test_another_key(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    sign_bundle(folder, load_bundle(folder), keys[1])
    with pytest.raises(ModelRefusedError, match="is not one of maker@hospital") as caught:
        verify(folder, tmp_path / "signers")
    assert "\n" not in str(caught.value) and caught.value.exit_code == 6


def test_the_signature_of_another_bundle(
    folder: Path, keys: tuple[Path, Path], tmp_path: Path, make_bundle: MakeBundle
) -> None:
    other = make_bundle(tmp_path / "other", name="other-1")
    shutil.copy(sign_bundle(other, load_bundle(other), keys[0]), folder)
    with pytest.raises(ModelRefusedError, match="is not one of maker@hospital"):
        verify(folder, tmp_path / "signers")


def test_a_signature_that_was_made_for_something_else(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    public = (tmp_path / "maker.pub").read_text()
    (tmp_path / "signers").write_text(f"maker@hospital {public}")
    sums = (folder / "SHA256SUMS").read_bytes()
    command = ["ssh-keygen", "-Y", "sign", "-f", str(keys[0]), "-n", "file"]
    signature = subprocess.run(command, input=sums, capture_output=True, check=True).stdout
    (folder / "SHA256SUMS.sig").write_bytes(signature)
    with pytest.raises(ModelRefusedError, match="is not one of maker@hospital"):
        verify(folder, tmp_path / "signers")


@pytest.mark.parametrize("content", [b"", b"rubbish", b"x" * 10**6])
def test_a_damaged_signature(content: bytes, folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    (folder / "SHA256SUMS.sig").write_bytes(content)
    with pytest.raises(KerasdrError) as caught:
        verify(folder, tmp_path / "signers")
    assert "\n" not in str(caught.value)


def test_writing_a_bundle_anew_takes_its_signature_away(
    folder: Path, keys: tuple[Path, Path], make_bundle: MakeBundle
) -> None:
    sign_bundle(folder, load_bundle(folder), keys[0])
    make_bundle(folder)
    assert not (folder / "SHA256SUMS.sig").exists()


def test_what_cannot_be_done_is_said_in_a_line(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = load_bundle(folder)
    (tmp_path / "no key").write_text("x")
    with pytest.raises(KerasdrError, match=r"ssh-keygen cannot sign with .*no key"):
        sign_bundle(folder, bundle, tmp_path / "no key")
    with pytest.raises(KerasdrError, match="no file of allowed signers at"):
        verify_bundle(folder, bundle, tmp_path / "gone", "me")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KerasdrError, match="ssh-keygen is not installed"):
        sign_bundle(folder, bundle, tmp_path / "no key")
