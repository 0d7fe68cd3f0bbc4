"""A signature of a bundle, made and verified by OpenSSH's ``ssh-keygen -Y``: checksums tell damage, a signature tells who.

Signed is ``SHA256SUMS``, which covers every byte; the signature lies beside it as ``SHA256SUMS.sig``.
"""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kerasdr.errors import KerasdrError, ModelRefusedError
from kerasdr.files import printable_path, sha256_of, write_bytes_atomically
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.pointer import find_bundle
from kerasdr.scoring.sealed import SIGNATURE, SUMS, read_small

NAMESPACE = "kerasdr-bundle"
"""What a signature is for: one that was made for something else does not count."""

_LARGEST = 64 * 1024


def sign_bundle(path: Path, bundle: Bundle, key: Path) -> Path:
    """Sign a bundle.

    Args:
        path: the bundle, its run, or a pointer to it.
        bundle: as it was loaded from there.
        key: an OpenSSH private key, or a public one whose private key an agent holds.

    Returns:
        The signature's file.

    Raises:
        KerasdrError: if ``ssh-keygen`` is not there or cannot sign with the key, or the signature cannot be written.
    """
    folder = find_bundle(path).resolve()
    done = _ssh_keygen(["-Y", "sign", "-f", str(key), "-n", NAMESPACE], _sums(folder, bundle))
    if done.returncode or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise KerasdrError(
            f"ssh-keygen cannot sign with {printable_path(key)} ({_last(done.stderr)}): name a private key of OpenSSH"
        )
    write_bytes_atomically(folder / SIGNATURE, done.stdout)
    return folder / SIGNATURE


def verify_bundle(path: Path, bundle: Bundle, signers: Path, identity: str) -> None:
    """Refuse a bundle that a person did not sign.

    Args:
        path: the bundle, its run, or a pointer to it.
        bundle: as it was loaded from there.
        signers: OpenSSH's file of allowed signers (``ssh-keygen``, ALLOWED SIGNERS).
        identity: the person, as that file names them.

    Raises:
        KerasdrError: if ``ssh-keygen`` or the file of signers is not there.
        ModelRefusedError: if there is no signature, or it is not theirs, or of another bundle.
    """
    folder = find_bundle(path).resolve()
    if not signers.is_file():
        raise KerasdrError(f"no file of allowed signers at {printable_path(signers)}: name one with --signers")
    sums = _sums(folder, bundle)
    if not os.path.lexists(folder / SIGNATURE):
        raise ModelRefusedError(
            f"{bundle.label} is not signed: sign it with `kerasdr bundle sign`, or leave out --signers"
        )
    signature = read_small(folder, SIGNATURE, _LARGEST)
    with tempfile.NamedTemporaryFile(prefix="kerasdr-", suffix=".sig") as copy:
        copy.write(signature)
        copy.flush()
        done = _ssh_keygen(["-Y", "verify", "-f", str(signers), "-I", identity, "-n", NAMESPACE, "-s", copy.name], sums)
    if done.returncode:
        raise ModelRefusedError(
            f"the signature of {bundle.label} is not one of {identity} by {printable_path(signers)} "
            f"({_last(done.stderr or done.stdout)}): ask whoever gave you the model"
        )


def _sums(folder: Path, bundle: Bundle) -> bytes:
    sums = read_small(folder, SUMS)
    if sha256_of(sums) != bundle.digest:
        raise ModelRefusedError(f"{printable_path(folder)} was replaced since it was loaded: give the command again")
    return sums


def _ssh_keygen(arguments: Sequence[str], data: bytes) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(["ssh-keygen", *arguments], input=data, capture_output=True)
    except FileNotFoundError as error:
        raise KerasdrError("ssh-keygen is not installed: install OpenSSH 8.1 or newer") from error
    except OSError as error:
        raise KerasdrError(f"ssh-keygen cannot be run ({error.strerror}): check its installation") from error


def _last(said: bytes) -> str:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    text = lines[-1] if lines else "it says nothing"
    return "".join(char if char.isprintable() else "?" for char in text)[:200]
