"""Whether a network that a training starts from has seen the people whom that training is judged on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kerasdr.config import Experiment, load
from kerasdr.data.splits import read_split
from kerasdr.data_config import DataConfig
from kerasdr.errors import KerasdrError
from kerasdr.files import EMPTY_SHA256
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
    Photographs are compared by their bytes, as names recur between data sets. People are compared too where both runs read
    one folder in one layout, or have photographs in common which are of people of the same names. A photograph that
    somebody encoded anew has other bytes and is not recognised.

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
        for source in _lineage(given):
            if source.run is None:
                unknown.append(
                    f"initial weights {source.file} lie in no run's folder: whether they have seen this run's test part "
                    "cannot be checked"
                )
                continue
            split = _split_of(source.run, given)
            place = _place(source.experiment.data, runs_of(source.run).parent) if source.experiment else None
            same_people = (root is not None and root == place) or _names_agree(split, data)
            _refuse_seen(f"model.weights={given} goes back to {source.run}, which", split, data, same_people)
            if "sha256" not in split:
                compared = "the names of people were compared" if same_people else "it cannot be checked"
                unknown.append(
                    f"initial weights of {source.run}, which kept no digests of its photographs: whether they have seen "
                    f"this run's test part is not certain; {compared}"
                )
            if source.experiment is None:
                unknown.append(
                    f"initial weights of {source.run}, whose configuration does not say what they began with: that cannot "
                    "be checked"
                )
    return tuple(dict.fromkeys(unknown))


def runs_behind(run: Path) -> tuple[Path, ...]:
    """Return a run and all runs that its members' weights go back to, as far as their folders say so.

    Args:
        run: a folder with ``config.yaml`` and ``split.csv``.

    Raises:
        KerasdrError: if the run's configuration cannot be read.
    """
    members = load(str(run / "config.yaml")).members
    earlier = [source.run for member in members for source in _lineage(member.model.weights) if source.run is not None]
    return tuple(dict.fromkeys([run, *earlier]))


def _split_of(run: Path, given: str) -> pd.DataFrame:
    try:
        return read_split(run / "split.csv")
    except KerasdrError as error:
        raise KerasdrError(f"model.weights={given} goes back to {run}: {error}") from error


def _names_agree(split: pd.DataFrame, data: ExperimentData) -> bool:
    """Whether both have photographs in common, and these are of people of the same names: then so are the others."""
    if "sha256" not in split:
        return False
    ours = data.table.assign(sha256=list(data.digests))[["sha256", "patient_id"]]
    both = ours[ours["sha256"] != EMPTY_SHA256].merge(split[["sha256", "patient_id"]], on="sha256")
    return len(both) > 0 and bool((both["patient_id_x"] == both["patient_id_y"]).all())


def _refuse_seen(earlier_run: str, split: pd.DataFrame, data: ExperimentData, same_people: bool) -> None:
    table = data.table.assign(sha256=list(data.digests))
    keys = {"sha256": "the photograph"} if "sha256" in split else {}
    keys |= {"patient_id": "a photograph of the person"} if same_people else {}
    for part, spent in _SPENT.items():
        mine = table[table["split"] == part]
        for earlier_part, verb in spent.items():
            theirs = split[split["split"] == earlier_part]
            for key, what in keys.items():
                seen = mine[mine[key].isin(theirs[key]) & (mine[key] != EMPTY_SHA256)]
                if len(seen):
                    name = seen["image_id" if key == "sha256" else key].iloc[0]
                    raise KerasdrError(
                        f"{earlier_run} {verb} {what} {name} of this run's {part} part ({len(seen)} photographs in all): "
                        f"{_REMEDY}"
                    )


@dataclass(frozen=True)
class _Source:
    """A weights file, the run that it is of (None if of none), and that run's configuration (None if it says nothing)."""

    file: str
    run: Path | None = None
    experiment: Experiment | None = None


def _lineage(weights: str) -> Iterator[_Source]:
    """Yield where weights come from, then where those began with which they were trained, and so on."""
    known = set()
    while weights not in ("none", "imagenet") and weights not in known:
        known.add(weights)
        # Both members/NAME/weights.npz and bundle/weights/NAME.npz lie three below their run.
        path = Path(weights).expanduser().resolve()
        run = path.parents[2] if len(path.parents) > 2 else path.parent
        if not (run / "config.yaml").is_file() or not (run / "split.csv").is_file():
            yield _Source(weights)
            return
        name = path.parent.name if path.stem == "weights" else path.stem
        try:
            earlier = load(str(run / "config.yaml"))
        except KerasdrError:  # of another version, or damaged: its photographs can be compared all the same
            yield _Source(weights, run)
            return
        member = next((member for member in earlier.members if member.name == name), None)
        yield _Source(weights, run, earlier if member else None)
        if member is None:
            return
        weights = member.model.weights
        # A relative path was meant from where that training was started, which as a rule is beside its runs.
        beside = runs_of(run).parent / weights
        if weights not in ("none", "imagenet") and beside.is_file():
            weights = str(beside)


def _place(data: DataConfig, workspace: Path) -> tuple[str, Path] | None:
    """Return layout and folder of an experiment's photographs; None if the folder is gone."""
    try:
        return data.layout, data_root(data, workspace).resolve()
    except KerasdrError:
        return None
