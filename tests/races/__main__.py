"""Jobs that get in each other's way, photographs that change while they are read, and the same photographs in another order.

    python tests/races                                        500 rounds of jobs, 500 changing photographs, 50 orders
    python tests/races --only jobs --rounds 20

`jobs`: two to eight jobs begin on one output at once, and in half of the rounds whoever holds it is killed; then one more job,
by the same command. Nobody unlocks anything. `moving`: while a job reads, photographs are written slowly, cut and completed,
replaced, renamed, removed. `orders`: the same photographs graded with other numbers of threads, batch sizes and orders.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# For the engine of scoring's tests, and the model of the soak.
sys.path += [str(Path(__file__).resolve().parents[1] / name) for name in ("scoring", "soak")]

from jobs import race_jobs
from moving import race_changes
from orders import race_orders

PARTS = ("jobs", "moving", "orders")


def main() -> None:
    """Run the parts, print figures, and leave with 1 if something was not as it has to be."""
    parser = argparse.ArgumentParser(prog="python tests/races", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be given again")
    parser.add_argument("--rounds", type=int, default=500, help="of jobs on one output")
    parser.add_argument("--files", type=int, default=500, help="photographs that change")
    parser.add_argument("--runs", type=int, default=50, help="in other orders")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    wanted = arguments.only or PARTS
    parts: dict[str, Callable[[Path, random.Random], dict[str, Any]]] = {
        "jobs": lambda folder, chance: race_jobs(folder, arguments.rounds, chance),
        "moving": lambda folder, chance: race_changes(folder, arguments.files, chance),
        "orders": lambda folder, chance: race_orders(folder, arguments.runs, chance),
    }
    figures: dict[str, dict[str, Any]] = {}
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="kerasdr-races-") as place:
            figures[name] = parts[name](Path(place).resolve(), random.Random(arguments.seed))
        print(f"{name}: " + "; ".join(f"{what} {figure}" for what, figure in figures[name].items()), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    sys.exit(any(part["wrong"] for part in figures.values()))


if __name__ == "__main__":
    main()
