"""How many pictures the quality gate refuses that are none of a retina, and how many photographs that are.

    python tests/benchmarks/not_a_retina.py --real ROOT --other /usr/share/openclipart/png --other FOLDER --drawn 100

Real photographs that are refused are named with the reason, and so are other pictures that pass. Pictures that cannot be
decoded count as neither, and one that is smaller than the gate takes counts by itself.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "imaging"))

from other_pictures import KINDS, draw_other

from kerasdr.imaging.decode import decode
from kerasdr.imaging.headers import UnreadablePhotograph
from kerasdr.imaging.quality import judge
from kerasdr.scoring.inputs import is_photograph_name

# As networks of 224 px have photographs decoded.
_SIDE = 448
_NAMED = 40


def main() -> None:
    """Judge everything that is named and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", action="append", default=[], type=Path, help="a folder of photographs of retinas")
    parser.add_argument("--other", action="append", default=[], type=Path, help="a folder of other pictures")
    parser.add_argument("--drawn", type=int, default=0, metavar="N", help="other pictures to draw, of each kind")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for folder in arguments.real:
        _table(f"real: {folder}", _of_folder(folder), named="refused")
    for folder in arguments.other:
        _table(f"other: {folder}", _of_folder(folder), named="pass")
    if arguments.drawn:
        for kind in KINDS:
            _table(f"drawn: {kind}", _drawn(kind, arguments.drawn), named="pass")


def _of_folder(folder: Path) -> Iterator[tuple[str, str | None]]:
    """Yield the name of each picture with its reason: empty if it passes, None if it cannot be decoded."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and is_photograph_name(path.name))

    def one(path: Path) -> tuple[str, str | None]:
        try:
            return str(path.relative_to(folder)), judge(decode(path.read_bytes(), min_side=_SIDE)).reason
        except UnreadablePhotograph:
            return str(path.relative_to(folder)), None

    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(one, paths)


def _drawn(kind: str, count: int) -> Iterator[tuple[str, str | None]]:
    for seed in range(count):
        picture: NDArray[np.uint8] = draw_other(kind, seed)
        yield f"{kind} {seed}", judge(picture).reason


def _table(title: str, judged: Iterator[tuple[str, str | None]], named: str) -> None:
    all_of_them = list(judged)
    known = [
        (name, reason) for name, reason in all_of_them if reason is not None and not reason.startswith("too small")
    ]
    refused = [(name, reason) for name, reason in known if reason]
    left = len(all_of_them) - len(known)
    share = f"{len(refused) / len(known):.2%}" if known else "none"
    print(f"{title}: {len(refused)} of {len(known)} refused ({share}); {left} more are too small or cannot be decoded")
    for reason, count in Counter(reason for _, reason in refused).most_common():
        print(f"    {count:5d}  {reason}")
    shown = refused if named == "refused" else [(name, "") for name, reason in known if not reason]
    if shown:
        print(
            f"  {named}: " + "; ".join(f"{name}{f' ({reason})' if reason else ''}" for name, reason in shown[:_NAMED])
        )
    if len(shown) > _NAMED:
        print(f"  and {len(shown) - _NAMED} more")


if __name__ == "__main__":
    main()
