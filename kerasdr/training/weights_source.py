"""Whether a network that a training starts from has seen the people whom that training is judged on."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from kerasdr.config import DataConfig, Experiment, load
from kerasdr.data.splits import read_split
from kerasdr.errors import KerasdrError
from kerasdr.training.dataset import ExperimentData, data_root
from kerasdr.training.run_folder import runs_of

# For each part of this run, the parts of an earlier one that it must have nothing in common with. Validation chose the
# earlier checkpoint, so it is spent for a test; that it chooses here as well is what validation is for.
_SPENT = {"test": {"train": "was trained on", "validation": "was chosen by"}, "validation": {"train": "was trained on"}}
_REMEDY = "start from weights that have not seen it, such as those of a run with this run's split"


def check_initial_weights(experiment: Experiment, data: ExperimentData, workspace: Path) -> tuple[str, ...]:
    """Refuse initial weights of an earlier run that has seen what this one is judged on.

    A photograph of this run's test part must not have been in training or validation of the run that a member's weights
    come from, nor of the runs that *its* weights came from; one of the validation part must not have been in training.
    Photographs are compared by their bytes, as names recur between data sets. Where both runs read one folder in one
    layout, people are compared too. A photograph that somebody encoded anew has other bytes and is not recognised.

    Args:
        experiment: what is to be trained.
        data: its photographs, with splits.
        workspace: folder beside which phantoms are drawn.

    Returns:
        What cannot be checked, a sentence for each file: weights that are no run's, and runs without digests.

    Raises:
        KerasdrError: naming the run, and a photograph or a person that it has seen.
    """
    root = _place(experiment.data, workspace)
    unknown: list[str] = []
    for given in dict.fromkeys(member.model.weights for member in experiment.members):
        for file, source in _lineage(given):
            if source is None:
                unknown.append(
                    f"initial weights {file} lie in no run's folder: whether they have seen this run's test part "
                    "cannot be checked"
                )
                continue
            run, earlier = source
            split = read_split(run / "split.csv")
            same_people = root is not None and root == _place(earlier.data, runs_of(run).parent)
            _refuse_seen(f"model.weights={given} goes back to {run}, which", split, data, same_people)
            if "sha256" not in split:
                compared = "the names of people were compared" if same_people else "it cannot be checked"
                unknown.append(
                    f"initial weights of {run}, which kept no digests of its photographs: whether they have seen this "
                    f"run's test part is not certain; {compared}"
                )
    return tuple(dict.fromkeys(unknown))


def _refuse_seen(earlier_run: str, split: pd.DataFrame, data: ExperimentData, same_people: bool) -> None:
    table = data.table.assign(sha256=list(data.digests))
    keys = {"sha256": "the photograph"} if "sha256" in split else {}
    keys |= {"patient_id": "a photograph of the person"} if same_people else {}
    for part, spent in _SPENT.items():
        mine = table[table["split"] == part]
        for earlier_part, verb in spent.items():
            theirs = split[split["split"] == earlier_part]
            for key, what in keys.items():
                seen = mine[mine[key].isin(theirs[key])]
                if len(seen):
                    name = seen["image_id" if key == "sha256" else key].iloc[0]
                    raise KerasdrError(
                        f"{earlier_run} {verb} {what} {name} of this run's {part} part ({len(seen)} photographs in all): "
                        f"{_REMEDY}"
                    )


def _lineage(weights: str) -> Iterator[tuple[str, tuple[Path, Experiment] | None]]:
    """Yield a weights file and the run that it is of (None if of none), then what that run's member started from."""
    known = set()
    while weights not in ("none", "imagenet") and weights not in known:
        known.add(weights)
        # Both members/NAME/weights.npz and bundle/weights/NAME.npz lie three below their run.
        path = Path(weights).expanduser().resolve()
        run = path.parents[2] if len(path.parents) > 2 else path.parent
        name = path.parent.name if path.stem == "weights" else path.stem
        earlier = load(str(run / "config.yaml")) if _is_run(run) else None
        member = next((member for member in earlier.members if member.name == name), None) if earlier else None
        if earlier is None or member is None:
            yield weights, None
            return
        yield weights, (run, earlier)
        weights = member.model.weights


def _is_run(folder: Path) -> bool:
    return (folder / "config.yaml").is_file() and (folder / "split.csv").is_file()


def _place(data: DataConfig, workspace: Path) -> tuple[str, Path] | None:
    """Return layout and folder of an experiment's photographs; None if the folder is gone."""
    try:
        return data.layout, data_root(data, workspace).resolve()
    except KerasdrError:
        return None
