"""Images a second and memory of each part of scoring and training, on this machine; prints tables, asserts nothing.

Networks have random weights here, since their values do not change what a forward pass costs. Photographs are phantoms of
the size of EyePACS photographs. Rounds are interleaved, and what is printed is the median with the range over the rounds.

    make bench                       everything, about ten minutes on two cores
    make bench ARGS='--quick'        fewer rounds and photographs, to see that it runs
    make bench ARGS='--json out.json'
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kerasdr.config import MemberConfig, load, resolve
from kerasdr.imaging.decode import decode
from kerasdr.imaging.prepare import prepare
from kerasdr.imaging.quality import judge
from kerasdr.imaging.recipes import apply_recipe, get_recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle
from kerasdr.scoring.engine import Batch, Engine

BATCH = 16


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and photographs")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--memory-child", nargs=2, metavar=("BUNDLE", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_child:
        _memory_child(*map(Path, arguments.memory_child))
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rounds, people = (2, 12) if arguments.quick else (5, 50)
    figures: dict[str, Any] = {
        "machine": {"processors": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photographs = _draw(folder / "phantoms", people)
        bundles = {
            "demo (tiny, dual + single, 128 px)": _bundle(folder / "demo", list(load("demo").members)),
            "DenseNet121 (single, 224 px)": _bundle(folder / "densenet", [_densenet()]),
        }
        figures["scoring"] = _scoring(bundles, photographs, rounds, folder)
        counts = (40, 200) if arguments.quick else (200, 2000)
        figures["memory"] = _memory(folder / "demo", photographs, counts, folder)
        figures["training"] = _training([load("demo").members[0], _densenet()], 6 if arguments.quick else 25)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


def _draw(folder: Path, people: int) -> list[Path]:
    from kerasdr.data.phantom import write_phantoms

    started = time.perf_counter()
    count = write_phantoms(folder, people=people, seed=5, size=1024)
    print(f"{count} phantoms of 1024 px drawn at {count / (time.perf_counter() - started):.0f} images/s\n")
    return sorted((folder / "train").iterdir())


def _densenet() -> MemberConfig:
    raw = {"name": "x", "model": {"trunk": "densenet121", "weights": "none"}, "imaging": {"size": 224}}
    return resolve(raw).members[0]


def _bundle(folder: Path, members: list[MemberConfig]) -> Bundle:
    from kerasdr.ensembles import soft_spec
    from kerasdr.models import build_classifier, get_weights

    parts = [
        BundleMember(
            member.name,
            member.model,
            get_recipe(member.imaging.recipe, member.imaging.size),
            get_weights(build_classifier(member.model, member.imaging.size, seed=1)),
        )
        for member in members
    ]
    write_bundle(folder, name=folder.name, members=parts, ensemble=soft_spec(len(parts)), validation={})
    return load_bundle(folder)


def _scoring(bundles: dict[str, Bundle], photographs: list[Path], rounds: int, folder: Path) -> dict[str, Any]:
    from kerasdr.scoring.engine_keras import KerasEngine
    from kerasdr.scoring.job import run_job

    files = [path.read_bytes() for path in photographs]
    measured: dict[str, Any] = {}
    for title, bundle in bundles.items():
        recipe = bundle.members[0].recipe
        decoded = [decode(data, min_side=max(2 * recipe.size, 512)) for data in files]
        batch = _batch(bundle, [prepare(data, recipe).image for data in files[:BATCH]])
        plain, explained = KerasEngine(bundle, BATCH, gradcam=False), KerasEngine(bundle, BATCH, gradcam=True)

        def job(engine: Engine, gradcam: bool, bundle: Bundle = bundle) -> None:
            arguments = [str(path) for path in photographs]
            run_job(arguments, bundle, folder / "g.csv", gradcam=gradcam, batch_size=BATCH, factory=lambda *_: engine)

        parts: dict[str, tuple[int, Callable[[], Any]]] = {
            "decode, one core": (
                len(files),
                lambda recipe=recipe: [decode(d, min_side=max(2 * recipe.size, 512)) for d in files],
            ),
            "quality gate, one core": (len(decoded), lambda decoded=decoded: [judge(rgb) for rgb in decoded]),
            "recipe, one core": (
                len(decoded),
                lambda d=decoded, recipe=recipe: [apply_recipe(recipe, rgb) for rgb in d],
            ),
            "forward, all members": (4 * BATCH, lambda e=plain, b=batch: [e.predict(b) for _ in range(4)]),
            "forward and Grad-CAM": (4 * BATCH, lambda e=explained, b=batch: [e.predict(b) for _ in range(4)]),
            "whole job without pictures": (len(files), lambda e=plain: job(e, False)),
            "whole job with pictures": (len(files), lambda e=explained: job(e, True)),
        }
        rates = _rates(parts, rounds)
        print(title)
        for name, values in rates.items():
            print(f"  {name:<28} {_spread(values)} images/s")
        surcharge = (
            statistics.median(rates["forward, all members"]) / statistics.median(rates["forward and Grad-CAM"]) - 1
        )
        print(f"  {'Grad-CAM on top of forward':<28} {surcharge:8.1%}\n")
        measured[title] = {**rates, "gradcam_surcharge": surcharge}
    return measured


def _batch(bundle: Bundle, images: list[np.ndarray]) -> Batch:
    stacked = np.stack(images)
    pairings = {member.model.pairing for member in bundle.members if member.model.mode == "dual"}
    present = np.ones(len(stacked), bool)
    return Batch([stacked], {pairing: [stacked[::-1]] for pairing in pairings}, dict.fromkeys(pairings, present))


def _rates(parts: dict[str, tuple[int, Callable[[], Any]]], rounds: int) -> dict[str, list[float]]:
    for _, run in parts.values():  # graphs are traced and files cached before anything is timed
        run()
    rates: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, (count, run) in parts.items():
            started = time.perf_counter()
            run()
            rates[name].append(count / (time.perf_counter() - started))
    return rates


def _memory(bundle: Path, photographs: list[Path], counts: tuple[int, ...], folder: Path) -> dict[str, Any]:
    measured = {}
    print("Peak memory of the whole job with pictures, demo's ensemble, in a process of its own")
    for count in counts:
        inputs = folder / f"inputs-{count}"
        inputs.mkdir()
        for index in range(count):
            source = photographs[index % len(photographs)]
            os.link(source, inputs / f"{index:05d}_{'left' if index % 2 else 'right'}{source.suffix}")
        command = [sys.executable, __file__, "--memory-child", str(bundle), str(inputs)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        measured[str(count)] = json.loads(done.stdout.splitlines()[-1])
        figures = measured[str(count)]
        print(f"  {count:5d} inputs: {figures['peak_mb']:7.0f} MB, {figures['seconds']:6.1f} s after the start-up")
    first, last = (measured[str(count)]["peak_mb"] for count in (counts[0], counts[-1]))
    print(f"  {last - first:+.0f} MB ({(last - first) / first:+.1%}) for {counts[-1] // counts[0]} times as many\n")
    return measured


def _memory_child(bundle: Path, folder: Path) -> None:
    import resource

    from kerasdr.scoring.engines import make_engine
    from kerasdr.scoring.job import run_job

    loaded = load_bundle(bundle)
    engine = make_engine(loaded, BATCH, True)
    started = time.perf_counter()
    run_job([str(folder)], loaded, folder.parent / f"{folder.name}.csv", batch_size=BATCH, factory=lambda *_: engine)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS.
    megabytes = peak / 1024 if sys.platform != "darwin" else peak / 2**20
    print(json.dumps({"peak_mb": megabytes, "seconds": time.perf_counter() - started}))


def _training(members: list[MemberConfig], steps: int) -> dict[str, Any]:
    """Time steps of ``train_on_batch`` on the real input pipeline, and how long each waits for its batch."""
    import keras

    from kerasdr.models import build_classifier
    from kerasdr.training.feeds import PhotographFeed, training_dataset
    from kerasdr.training.samples import Samples
    from kerasdr.training.stage import behind_augmentation

    print(
        "Training: share of the time that a step waits for its batch (prepared photographs, augmentation in the network)"
    )
    measured = {}
    random = np.random.default_rng(0)
    for member in members:
        size, batch = member.imaging.size, member.training.batch_size
        images = random.integers(0, 256, (8 * batch, size, size, 3), dtype=np.uint8)
        rows = np.arange(len(images))
        samples = Samples(rows, rows[::-1].copy(), random.integers(0, 5, len(rows)), rows.astype(str))
        feed = PhotographFeed(images, member.model.mode == "dual")
        model = behind_augmentation(build_classifier(member.model, size, seed=1), member, 0)
        model.compile(optimizer="adamw", loss="categorical_crossentropy")
        dataset = training_dataset(
            feed,
            samples,
            np.ones(5, np.float32),
            batch_size=batch,
            first_epoch=0,
            epochs=999,
            seed=(1, 1),
            partner_dropout=0.1,
        )
        waited, worked = [], []
        batches = iter(dataset)
        for step in range(steps + 2):
            started = time.perf_counter()
            inputs, grades, weights = next(batches)
            got = time.perf_counter()
            model.train_on_batch(inputs, grades, sample_weight=weights)
            if step >= 2:  # the first steps trace the graph
                waited.append(got - started)
                worked.append(time.perf_counter() - got)
        share = sum(waited) / (sum(waited) + sum(worked))
        rate = batch * len(worked) / (sum(waited) + sum(worked))
        name = f"{member.model.trunk}, {member.model.mode}, {size} px, batch {batch}"
        print(f"  {name:<40} {rate:7.1f} samples/s, waits {share:.1%}")
        measured[name] = {"samples_per_second": rate, "input_wait": share}
        keras.utils.clear_session()
    return measured


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):8.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()
