"""Options that say which model is trusted, and loading none other."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kerasdr.scoring.bundle import Bundle


def _digest(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[0-9a-f]{12,64}", value.lower()):
        raise click.BadParameter(f"{value!r} is not the start of a digest: give 12 to 64 hexadecimal digits")
    return None if value is None else value.lower()


expect_option = click.option(
    "--expect",
    callback=_digest,
    metavar="DIGEST",
    help="Refuse any other model than the one whose digest begins so; 12 digits or more.",
)
signers_option = click.option(
    "--signers",
    type=click.Path(path_type=Path),
    help="OpenSSH's file of allowed signers: a model that --identity did not sign is refused.",
)
identity_option = click.option("--identity", help="Who must have signed the model, as the file of signers names them.")


def load_trusted(model: Path, expect: str | None, signers: Path | None, identity: str | None) -> "Bundle":
    """Load a model that is the one expected, and signed, as far as that is asked for.

    Raises:
        KerasdrError: if there is none, or it cannot be verified here.
        ModelRefusedError: if it is damaged, another, or not signed so.
    """
    from kerasdr.errors import ModelRefusedError
    from kerasdr.scoring.bundle import load_bundle

    if (signers is None) != (identity is None):
        raise click.UsageError("--signers and --identity go together: a file of signers, and who of them")
    bundle = load_bundle(model)
    if expect is not None and not bundle.digest.startswith(expect):
        raise ModelRefusedError(
            f"the model is {bundle.label} and not the one whose digest begins with {expect}: name another with --model, or "
            "expect this one after looking at `kerasdr bundle show`"
        )
    if signers is not None and identity is not None:
        from kerasdr.scoring.signature import verify_bundle

        verify_bundle(model, bundle, signers, identity)
    return bundle
