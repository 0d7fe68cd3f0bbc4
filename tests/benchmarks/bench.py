"""Speed and memory of scoring and training on this machine; prints tables, asserts nothing.

Networks have random weights here, since their values do not change what a pass costs. Photographs are phantoms of the size of
EyePACS photographs. Rounds are interleaved, and what is printed is the median with the range over the rounds.

    make bench                            everything, about an hour on two cores, half of it for 20,000 inputs
    make bench ARGS='--quick'             fewer rounds and photographs, to see that it runs
    make bench ARGS='--only job --json out.json'
    make bench ARGS='--torch-python PATH' also against PyTorch, in an environment that has torch, torchvision and grad-cam
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
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from training_rates import training_rates

from kerasdr.config import MemberConfig, load, resolve
from kerasdr.imaging.recipes import get_recipe
from kerasdr.machine import available_cores
from kerasdr.scoring.benchmark import Benchmark, Spread, run_benchmark
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle

BATCH = 16
REPORTS_TRUNKS = ("resnet18", "resnet34", "densenet121")
TRAINED_TRUNKS = ("resnet18", "mobilenetv2", "densenet121")
PARTS = ("job", "parts", "cores", "large", "memory", "waiting", "training")
# 15 megapixels.
LARGE = 3872


def main() -> None:
    """Run all measurements, or those that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and photographs")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be given again")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--trunk", action="append", choices=TRAINED_TRUNKS, help="of training; may be given again")
    parser.add_argument("--torch-python", type=Path, help="interpreter with torch, torchvision and grad-cam")
    parser.add_argument(
        "--inputs", type=int, nargs="+", default=[200, 2000, 20_000], help="numbers of inputs for time and memory"
    )
    parser.add_argument("--memory-child", nargs=2, metavar=("BUNDLE", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_child:
        _memory_child(*map(Path, arguments.memory_child))
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    wanted = arguments.only or list(PARTS)
    quick = arguments.quick
    rounds = 2 if quick else 5
    figures: dict[str, Any] = {
        "machine": {"cores": available_cores(), "platform": platform.platform(), "python": platform.python_version()}
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photographs = _draw(folder / "phantoms", 12 if quick else 110)
        members = [_member(trunk) for trunk in REPORTS_TRUNKS]
        three = _bundle(folder / "three", members) if {"job", "parts", "cores", "large"} & set(wanted) else None
        demo = _bundle(folder / "demo", list(load("demo").members)) if {"parts", "memory"} & set(wanted) else None
        some = photographs[:: max(1, len(photographs) // (20 if quick else 120))]
        if "job" in wanted and three:
            chosen = photographs[:20] if quick else photographs[:200]
            figures["job"] = _against_plain(three, folder, chosen, 1 if quick else 3, arguments.torch_python)
        if "parts" in wanted and three and demo:
            names = {"ensemble of three, 224 px": (three, "three"), "demo's ensemble, 128 px": (demo, "demo")}
            figures["parts"] = {
                title: _parts(title, bundle, folder / place, some, rounds) for title, (bundle, place) in names.items()
            }
        if "cores" in wanted and three:
            figures["cores"] = _cores(three, folder / "three", some[::3], rounds)
        if "large" in wanted and three:
            figures["large"] = _large(three, folder, 4 if quick else 12, rounds)
        if "memory" in wanted:
            counts = (40, 200) if quick else tuple(arguments.inputs)
            figures["memory"] = _memory(folder / "demo", photographs, counts, folder)
        if "waiting" in wanted:
            figures["waiting"] = _waiting([load("demo").members[0], _member("densenet121")], 6 if quick else 25)
        if "training" in wanted:
            trunks = arguments.trunk or (["resnet18"] if quick else TRAINED_TRUNKS)
            figures["training"] = training_rates(photographs[:96], trunks, max(1, rounds // 2), 2 if quick else 4)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


def _draw(folder: Path, people: int, side: int = 1024) -> list[Path]:
    from kerasdr.data.phantom import write_phantoms

    started = time.perf_counter()
    count = write_phantoms(folder, people=people, seed=5, size=side)
    print(f"{count} phantoms of {side} px drawn at {count / (time.perf_counter() - started):.0f} images/s\n")
    return sorted((folder / "train").iterdir())


def _member(trunk: str, **imaging: Any) -> MemberConfig:
    raw = {"name": "x", "model": {"trunk": trunk, "weights": "none"}, "imaging": {"size": 224, **imaging}}
    return resolve(raw).members[0]


def _bundle(folder: Path, members: list[MemberConfig]) -> Bundle:
    from kerasdr.ensembles import soft_spec
    from kerasdr.models import build_classifier, get_weights
    from kerasdr.scoring.build import rebuild

    parts = []
    for seed, member in enumerate(members):
        network = build_classifier(member.model, member.imaging.size, seed=seed)
        logits = network.get_layer("logits")
        logits.kernel.assign(logits.kernel * 300.0)  # or all photographs would look alike to an untrained network
        recipe = get_recipe(member.imaging.recipe, member.imaging.size)
        parts.append(BundleMember(member.name, member.model, recipe, get_weights(network)))
    write_bundle(folder, name=folder.name, members=parts, ensemble=soft_spec(len(parts)), validation={})
    return rebuild(folder, ["openvino"])


def _against_plain(
    bundle: Bundle, folder: Path, photographs: list[Path], rounds: int, torch_python: Path | None
) -> dict[str, Any]:
    """Time the whole job against the plain stack, and PyTorch's; grades have to be the same."""
    from plain_stack import PlainStack

    from kerasdr.scoring.engines import make_engine
    from kerasdr.scoring.job import run_job

    plain, engine = PlainStack(bundle), make_engine(bundle, BATCH)
    few = photographs[: max(8, len(photographs) // 5)]  # the plain stack's rate does not hang on how many there are
    names = [str(path) for path in photographs]
    rates: dict[str, list[float]] = {"kerasdr": [], "plain stack": []}
    plain.grade(few[:2], folder / "plain")  # traced
    run_job(names[:BATCH], bundle, folder / "ours.csv", factory=lambda *_: engine)
    for number in range(rounds):  # in a new place each time, or the ledger would have all answers
        started = time.perf_counter()
        summary = run_job(names, bundle, folder / f"ours-{number}.csv", factory=lambda *_: engine)
        rates["kerasdr"].append(len(photographs) / (time.perf_counter() - started))
        started = time.perf_counter()
        theirs = plain.grade(few, folder / "plain")
        rates["plain stack"].append(len(few) / (time.perf_counter() - started))
        if torch_python:
            command = [str(torch_python), str(Path(__file__).parent / "torch_stack.py"), *map(str, few)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rates.setdefault("PyTorch, pytorch-grad-cam", []).append(float(done.stdout.splitlines()[-1]))
    ours = {row.image: row for row in summary.rows if row.status == "graded"}
    both = [(ours[str(path)], p) for path, p in zip(few, theirs, strict=True) if str(path) in ours]
    same = sum(row.grade == int(p.argmax()) for row, p in both)
    apart = max(float(np.abs(np.array(row.probabilities) - p).max()) for row, p in both)
    spread = float(np.std([row.probabilities for row, _ in both], axis=0).max())
    print(f"Whole job with pictures: ResNet18, ResNet34, DenseNet121 at 224 px, {len(photographs)} phantoms of 1024 px")
    for name, values in rates.items():
        times = statistics.median(rates["kerasdr"]) / statistics.median(values)
        print(f"  {name:<28}{_spread(values)} images/s   kerasdr is {times:.1f} times as fast")
    print(
        f"  same grade for {same} of {len(both)}; probabilities differ by {apart:.3f} at most, and by a standard deviation"
    )
    print(f"  of {spread:.3f} over photographs (the plain stack enhances before it resizes)\n")
    return {"rates": rates, "same_grade": [same, len(both)], "largest_difference": apart, "spread": spread}


def _parts(title: str, bundle: Bundle, place: Path, photographs: list[Path], rounds: int) -> dict[str, Any]:
    names = [str(path) for path in photographs]
    measured = run_benchmark(bundle, place, names, cores=available_cores(), rounds=rounds, most=len(names))
    print(f"{title}: {measured.photographs} phantoms, engine {measured.engine}, {measured.cores} cores, images/s")
    for name, rate in measured.rates.items():
        print(f"  {name:<28}{_spread(rate.values)}")
    print(f"  Grad-CAM on top of the networks {measured.surcharge:.1%}")
    print(f"  whole job: {measured.share_of_bound:.1%} of decoding and networks alone ({measured.bound:.1f} images/s)")
    print(f"  from the command to the end of one photograph {measured.start.median:.2f} s\n")
    return _plain(measured)


def _cores(bundle: Bundle, place: Path, photographs: list[Path], rounds: int) -> dict[str, Any]:
    """Time the whole job on one core and on all, with the process held to them."""
    every, rates = sorted(os.sched_getaffinity(0)), {}
    counts = sorted({1, len(every)})
    for count in counts:
        os.sched_setaffinity(0, every[:count])
        try:
            names = [str(path) for path in photographs]
            measured = run_benchmark(bundle, place, names, cores=count, rounds=max(2, rounds // 2))
        finally:
            os.sched_setaffinity(0, every)
        rates[count] = measured.rates["job"]
    print("Whole job by cores, images/s")
    for count, rate in rates.items():
        print(f"  {count} cores {_spread(rate.values)}   {rate.median / rates[counts[0]].median:.2f} times one core")
    print()
    return {str(count): list(rate.values) for count, rate in rates.items()}


def _large(bundle: Bundle, folder: Path, people: int, rounds: int) -> dict[str, Any]:
    """Time the whole job on photographs of 15 megapixels and on small ones of the same people."""
    from kerasdr.scoring.engines import make_engine
    from kerasdr.scoring.job import run_job

    engine = make_engine(bundle, BATCH)
    sizes = {f"{side} px": side for side in (1024, LARGE)}
    drawn = {
        name: [str(path) for path in _draw(folder / f"phantoms-{side}", people, side)] for name, side in sizes.items()
    }
    rates: dict[str, list[float]] = {name: [] for name in sizes}
    for measured in range(-1, rounds):  # the first round fills caches
        for name, paths in drawn.items():
            started = time.perf_counter()
            run_job(paths, bundle, folder / f"large-{name[:4]}-{measured + 1}.csv", factory=lambda *_: engine)
            if measured >= 0:
                rates[name].append(len(paths) / (time.perf_counter() - started))
    small, large = (statistics.median(values) for values in rates.values())
    print("Whole job with pictures by the size of the photographs, images/s")
    for name, values in rates.items():
        print(f"  {name:<28}{_spread(values)}")
    print(f"  15 megapixels at {large / small:.0%} of the rate of 1 megapixel\n")
    return rates


def _plain(measured: Benchmark) -> dict[str, Any]:
    rates = {name: list(rate.values) for name, rate in measured.rates.items()}
    return {
        "rates": rates,
        "surcharge": measured.surcharge,
        "share_of_bound": measured.share_of_bound,
        "start_seconds": list(measured.start.values),
    }


def _memory(bundle: Path, photographs: list[Path], counts: tuple[int, ...], folder: Path) -> dict[str, Any]:
    measured = {}
    print("Peak memory of the whole job with pictures, demo's ensemble, in a process of its own")
    for count in counts:
        inputs = folder / f"inputs-{count}"
        inputs.mkdir()
        for index in range(count):
            source = photographs[index % len(photographs)]
            # Each with a tail of its own, which decoders pass over: the same bytes would be graded once.
            target = inputs / f"{index // 2:05d}_{'left' if index % 2 else 'right'}{source.suffix}"
            target.write_bytes(source.read_bytes() + index.to_bytes(4, "big"))
        command = [sys.executable, __file__, "--memory-child", str(bundle), str(inputs)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        measured[str(count)] = json.loads(done.stdout.splitlines()[-1])
        figures = measured[str(count)]
        print(f"  {count:5d} inputs: {figures['peak_mb']:7.0f} MB, {figures['seconds']:6.1f} s after the start-up")
    first, last = (measured[str(count)]["peak_mb"] for count in (counts[0], counts[-1]))
    print(f"  {last - first:+.0f} MB ({(last - first) / first:+.1%}) for {counts[-1] // counts[0]} times as many\n")
    return measured


def _memory_child(bundle: Path, folder: Path) -> None:
    from kerasdr.scoring.engines import make_engine
    from kerasdr.scoring.job import run_job

    loaded = load_bundle(bundle)
    engine = make_engine(loaded, BATCH, True)
    started = time.perf_counter()
    run_job([str(folder)], loaded, folder.parent / f"{folder.name}.csv", batch_size=BATCH, factory=lambda *_: engine)
    # Not getrusage's figure, which on Linux begins with what the parent held.
    status = Path("/proc/self/status").read_text()
    megabytes = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    print(json.dumps({"peak_mb": megabytes, "seconds": time.perf_counter() - started}))


def _waiting(members: list[MemberConfig], steps: int) -> dict[str, Any]:
    """Time steps of ``train_on_batch`` on the real input pipeline, and how long each waits for its batch."""
    import keras

    from kerasdr.models import build_classifier
    from kerasdr.training.feeds import PhotographFeed, training_dataset
    from kerasdr.training.samples import Samples
    from kerasdr.training.stage import training_model

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
        model = training_model(build_classifier(member.model, size, seed=1), member, 0)
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


def _spread(values: Any) -> str:
    return str(Spread(tuple(values)))


if __name__ == "__main__":
    main()
