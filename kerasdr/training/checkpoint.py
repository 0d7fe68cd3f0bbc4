"""Where a member's training stands, in one file that is replaced after every epoch."""

import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.files import open_atomically


@dataclass
class TrainingState:
    """Where a member's training stands.

    Attributes:
        stage: index of the stage that is running, or the number of stages when all are done.
        epoch: epochs of that stage that are done.
        waiting: epochs of that stage since the best validation result.
        best: the best ``[validation kappa, -validation loss]`` so far, over all stages, or None.
        history: one mapping an epoch.
        kept_weights: the classifier's weights at ``best``, or of the last epoch where the configuration asks for these; empty
            before the first epoch.
    """

    stage: int = 0
    epoch: int = 0
    waiting: int = 0
    best: list[float] | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    kept_weights: dict[str, NDArray[np.generic]] = field(default_factory=dict)


def save_checkpoint(path: Path, state: TrainingState, variables: Iterable[Any], optimizer: Iterable[Any]) -> None:
    """Write a checkpoint in one step.

    Args:
        path: the file.
        state: where training stands.
        variables: all variables of the model that is fitted, random generators included.
        optimizer: all variables of its optimiser.
    """
    arrays = {f"model/{index:05d}": np.asarray(variable) for index, variable in enumerate(variables)}
    arrays |= {f"optimizer/{index:05d}": np.asarray(variable) for index, variable in enumerate(optimizer)}
    arrays |= {f"kept/{name}": array for name, array in state.kept_weights.items()}
    plain = {name: value for name, value in vars(state).items() if name != "kept_weights"}
    arrays["state"] = np.frombuffer(json.dumps(plain).encode(), dtype=np.uint8)
    with open_atomically(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load_state(path: Path) -> TrainingState:
    """Read where training stands; without a file it stands at the beginning.

    Raises:
        KerasdrError: if the file is damaged.
    """
    if not path.exists():
        return TrainingState()
    with _open(path) as arrays:
        kept = {name.removeprefix("kept/"): arrays[name] for name in arrays.files if name.startswith("kept/")}
        return TrainingState(**json.loads(arrays["state"].tobytes()), kept_weights=kept)


def restore(path: Path, variables: Iterable[Any], optimizer: Iterable[Any]) -> None:
    """Put a checkpoint's values into the variables of an equally built model and optimiser.

    Raises:
        KerasdrError: if the file is damaged or of another network.
    """
    with _open(path) as arrays:
        for prefix, targets in (("model", list(variables)), ("optimizer", list(optimizer))):
            names = sorted(name for name in arrays.files if name.startswith(f"{prefix}/"))
            if len(names) != len(targets):
                raise KerasdrError(f"{path} is of another network: resume with the configuration it was begun with")
            for name, variable in zip(names, targets, strict=True):
                variable.assign(arrays[name])


def _open(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise KerasdrError(f"the checkpoint {path} cannot be read: remove it to train this member anew") from error
