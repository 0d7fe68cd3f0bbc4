"""Training steps with and without XLA on this machine, trunk by trunk; prints a table, asserts nothing.

What is timed is the step that training takes: photographs at their size, random changes, forward and backward pass, optimizer.
Each figure comes from a process of its own. The registry (``kerasdr/models/registry.py``) says of each trunk whether XLA pays,
by this table; who wants to know it of another machine, size or batch runs it there, and sets ``training.jit_compile``.

    .venv/bin/python tests/benchmarks/xla.py                          the trunks of the report
    .venv/bin/python tests/benchmarks/xla.py resnet50 --size 320 --batch 16
    .venv/bin/python tests/benchmarks/xla.py --every --json xla.json  all that are registered, minutes each
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

REPORTS_TRUNKS = (
    "resnet18",
    "resnet34",
    "resnet18_kerascv",
    "resnet34_kerascv",
    "densenet121",
    "mobilenet",
    "mobilenetv2",
    "vgg16",
)


def main() -> None:
    """Time the trunks that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trunks", nargs="*", help="names of trunks; those of the report if none is given")
    parser.add_argument("--every", action="store_true", help="every trunk of the registry")
    parser.add_argument("--size", type=int, default=224, help="side of the photographs in pixels")
    parser.add_argument("--batch", type=int, default=8, help="photographs a step")
    parser.add_argument("--steps", type=int, default=4, help="steps that are timed, after one that compiles")
    parser.add_argument("--train", default="all", help="what the stage trains: all, head, after:<block>, from:<layer>")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which a process is stopped")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--child", choices=("plain", "xla"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        _child(arguments)
        return
    trunks = list(arguments.trunks or REPORTS_TRUNKS)
    if arguments.every:
        from kerasdr.models import trunk_names

        trunks = [name for name in trunk_names() if name != "tiny"]
    print(
        f"Training {arguments.train} at {arguments.size} px, batch {arguments.batch}, on this machine: median of "
        f"{arguments.steps} steps in seconds (range), and seconds to compile the first"
    )
    measured = {}
    for trunk in trunks:
        both = {kind: _measure(arguments, trunk, kind) for kind in ("plain", "xla")}
        measured[trunk] = both
        print(
            f"  {trunk:<18} without {_said(both['plain'])}   with XLA {_said(both['xla'])}   {_ratio(both)}", flush=True
        )
        if arguments.json:
            arguments.json.write_text(json.dumps(measured, indent=1) + "\n")


def _measure(arguments: argparse.Namespace, trunk: str, kind: str) -> dict[str, Any] | None:
    """Return seconds of the first step and of those after it, by a process of its own; None if it took too long."""
    command = [sys.executable, __file__, trunk, "--child", kind, "--train", arguments.train]
    for name in ("size", "batch", "steps"):
        command += [f"--{name}", str(getattr(arguments, name))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=arguments.limit)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise SystemExit(f"{trunk}, {kind}: ended with {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def _child(arguments: argparse.Namespace) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from kerasdr.training.memory import keep_memory

    keep_memory()
    from kerasdr.config import resolve
    from kerasdr.models import build_classifier
    from kerasdr.training.backend import fix_order_of_sums
    from kerasdr.training.schedules import make_optimizer
    from kerasdr.training.stage import free_for_stage, training_model

    xla = arguments.child == "xla"
    fix_order_of_sums(not xla)  # as training does by default
    size, batch = arguments.size, arguments.batch
    raw = {
        "name": "x",
        "model": {"trunk": arguments.trunks[0], "weights": "none"},
        "imaging": {"size": size},
        "training": {"jit_compile": xla, "deterministic": not xla},
        "stages": [{"name": "fit", "train": arguments.train}],
    }
    member = resolve(raw).members[0]
    classifier = build_classifier(member.model, size, seed=1)
    free_for_stage(classifier, member, member.stages[0])
    model = training_model(classifier, member, 0)
    model.compile(
        optimizer=make_optimizer(member.stages[0], arguments.steps),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # training_model sees to XLA
    )
    random = np.random.default_rng(0)
    images = {"image": random.integers(0, 256, (batch, size, size, 3), dtype=np.uint8)}
    grades = np.eye(5, dtype=np.float32)[np.arange(batch) % 5]
    times = []
    for _ in range(arguments.steps + 1):
        started = time.perf_counter()
        model.train_on_batch(images, grades)  # returns numbers, so the step is done
        times.append(time.perf_counter() - started)
    print(json.dumps({"first": times[0], "steps": times[1:]}))


def _said(figures: dict[str, Any] | None) -> str:
    if figures is None:
        return "stopped"
    steps = figures["steps"]
    median = statistics.median(steps)
    return (
        f"{median:6.2f} ({min(steps):.2f} to {max(steps):.2f}), {max(0.0, figures['first'] - median):4.0f} to compile"
    )


def _ratio(both: dict[str, dict[str, Any] | None]) -> str:
    plain, xla = both["plain"], both["xla"]
    if plain is None or xla is None:
        return ""
    return f"{statistics.median(plain['steps']) / statistics.median(xla['steps']):.2f} times as fast with XLA"


if __name__ == "__main__":
    main()
