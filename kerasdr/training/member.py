"""A member's whole training: its stages in order, resumable after every epoch."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.config import MemberConfig
from kerasdr.files import open_atomically, write_bytes_atomically
from kerasdr.models import build_classifier, set_weights
from kerasdr.reporting import Reporter
from kerasdr.training.backend import fix_order_of_sums
from kerasdr.training.checkpoint import load_state, save_checkpoint
from kerasdr.training.feeds import PhotographFeed, predict
from kerasdr.training.memory import keep_memory
from kerasdr.training.samples import Samples
from kerasdr.training.stage import run_stage


def fit_member(
    member: MemberConfig,
    images: NDArray[np.uint8],
    train: Samples,
    validation: Samples,
    folder: Path,
    reporter: Reporter,
    *asked: Samples,
) -> list[NDArray[np.float32]]:
    """Train a member, or go on with it where a checkpoint in ``folder`` stands.

    Each stage starts from the weights kept so far. Afterwards ``folder`` holds ``weights.npz`` (of the best epoch by validation
    kappa, or of the last, see :class:`kerasdr.config.TrainingConfig`), ``history.csv`` and ``checkpoint.npz``.

    Args:
        member: what to train.
        images: prepared photographs of the whole table, ``(N, S, S, 3)`` uint8.
        train, validation: what to fit on and what to choose by.
        folder: the member's own; made if absent.
        reporter: hears of every epoch.
        asked: samples to grade afterwards.

    Returns:
        Probabilities ``(n, 5)`` by the kept weights: of the validation samples, then of each of ``asked``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.npz"
    state = load_state(checkpoint)
    reporter.epochs(member.name, state.history)
    keep_memory()
    fix_order_of_sums(member.training.deterministic)
    fresh = not checkpoint.exists()
    model = build_classifier(
        member.model,
        member.imaging.size,
        initial_weights=fresh,
        seed=member.seed,
        note=lambda line: reporter.note(f"{member.name}  {line}"),
        precision=member.training.precision,
    )
    while state.stage < len(member.stages):
        if state.epoch < member.stages[state.stage].epochs:
            # Also in the middle of a stage: a trunk that is frozen in it stands in the kept weights, and nowhere else.
            if state.kept_weights:
                set_weights(model, state.kept_weights)
            run_stage(model, member, state.stage, images, train, validation, checkpoint, state, reporter)
        state.stage, state.epoch, state.waiting = state.stage + 1, 0, 0
    with open_atomically(folder / "weights.npz") as file:
        np.savez(file, **state.kept_weights)  # type: ignore[arg-type]
    write_bytes_atomically(folder / "history.csv", history_csv(state.history))
    # What is left to know is that all is done: the variables of the last epoch are of no more use.
    save_checkpoint(checkpoint, state, [], [])
    if member.training.precision != "float32":  # what is asked now is what scoring will run
        model = build_classifier(member.model, member.imaging.size)
    set_weights(model, state.kept_weights)
    feed = PhotographFeed(images, member.model.mode == "dual")
    return [
        predict(model.predict_on_batch, feed, samples, member.training.batch_size) for samples in (validation, *asked)
    ]


def history_csv(history: list[dict[str, object]]) -> bytes:
    """Return a history as CSV, one row an epoch."""
    return pd.DataFrame(history).to_csv(index=False, lineterminator="\n", float_format="%.9g").encode()
