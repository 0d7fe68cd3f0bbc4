"""How surely copies of photographs are found, and how often those of two people are mistaken for copies.

Photographs of people are needed: phantoms are drawn, and say nothing about how alike eyes are.

    python tests/benchmarks/copies.py ROOT                     layout guessed, every fifth photograph is changed
    python tests/benchmarks/copies.py ROOT --every 1 --layout eyepacs

All pairs of photographs are compared as `kerasdr data check` does it, and each changed one is looked for among all. Tables are
printed, nothing is asserted.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.data.alike import SURELY_ALIKE, find_alike
from kerasdr.data.readers import detect_layout, read_table
from kerasdr.imaging.decode import decode
from kerasdr.imaging.look import look_of, pixels_sha256
from kerasdr.imaging.retina import find_retina
from kerasdr.imaging.steps import circular_crop

Picture = NDArray[np.uint8]


def jpeg(rgb: Picture, quality: int) -> Picture:
    """Save as JPEG and read again."""
    stored = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def resized(rgb: Picture, share: float) -> Picture:
    """Change both sides."""
    return cv2.resize(rgb, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


def brighter(rgb: Picture, times: float) -> Picture:
    """Multiply all values."""
    return np.clip(np.rint(rgb * times), 0, 255).astype(np.uint8)


def cropped(rgb: Picture, share: float) -> Picture:
    """Cut a share of each side off at every edge."""
    rows, columns = (round(side * share) for side in rgb.shape[:2])
    return np.ascontiguousarray(rgb[rows : rgb.shape[0] - rows, columns : rgb.shape[1] - columns])


def rotated(rgb: Picture, degrees: float) -> Picture:
    """Rotate about the middle."""
    height, width = rgb.shape[:2]
    return cv2.warpAffine(rgb, cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0), (width, height))


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "JPEG of quality 90": lambda rgb: jpeg(rgb, 90),
    "JPEG of quality 50": lambda rgb: jpeg(rgb, 50),
    "JPEG of quality 20": lambda rgb: jpeg(rgb, 20),
    "half the size": lambda rgb: jpeg(resized(rgb, 0.5), 85),
    "a quarter of the size": lambda rgb: jpeg(resized(rgb, 0.25), 85),
    "squeezed to 512 x 512": lambda rgb: cv2.resize(rgb, (512, 512), interpolation=cv2.INTER_AREA),
    "cut out as a disc of 512 px": lambda rgb: circular_crop(rgb, 512, find_retina(rgb)),
    "mirrored": lambda rgb: np.ascontiguousarray(rgb[:, ::-1]),
    "turned by 90 degrees": lambda rgb: np.ascontiguousarray(np.rot90(rgb)),
    "turned by 180 degrees": lambda rgb: np.ascontiguousarray(rgb[::-1, ::-1]),
    "rotated by 2 degrees": lambda rgb: rotated(rgb, 2),
    "rotated by 5 degrees": lambda rgb: rotated(rgb, 5),
    "darker by 30%": lambda rgb: jpeg(brighter(rgb, 0.7), 90),
    "brighter by 30%": lambda rgb: jpeg(brighter(rgb, 1.3), 90),
    "2% cropped at each edge": lambda rgb: jpeg(cropped(rgb, 0.02), 90),
    "5% cropped at each edge": lambda rgb: jpeg(cropped(rgb, 0.05), 90),
    "10% cropped at each edge": lambda rgb: jpeg(cropped(rgb, 0.10), 90),
    "half the size, brighter by 15%, 3% cropped, quality 60": lambda rgb: jpeg(
        brighter(resized(cropped(rgb, 0.03), 0.5), 1.15), 60
    ),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="a data set")
    parser.add_argument("--layout", help="guessed if not given")
    parser.add_argument("--every", type=int, default=5, help="change every this many photographs  [default: 5]")
    arguments = parser.parse_args()
    table = read_table(arguments.layout or detect_layout(arguments.root), arguments.root).table
    people = table["patient_id"].to_numpy(dtype=str)
    looks: list[NDArray[np.int8]] = []
    changed: dict[str, list[NDArray[np.int8]]] = {name: [] for name in CHANGES}
    milliseconds: dict[str, list[float]] = {"decoding": [], "look": [], "SHA-256 of pixels": []}
    for row, path in enumerate(table["path"]):
        times = [time.perf_counter()]
        rgb = decode(Path(path).read_bytes())
        times.append(time.perf_counter())
        looks.append(look_of(rgb))
        times.append(time.perf_counter())
        pixels_sha256(rgb)
        times.append(time.perf_counter())
        for name, taken in zip(milliseconds, np.diff(times) * 1000, strict=True):
            milliseconds[name].append(float(taken))
        if row % arguments.every == 0:
            for name, change in CHANGES.items():
                changed[name].append(look_of(change(rgb)))
    whole = np.array(looks)
    rows = list(range(0, len(whole), arguments.every))
    print(
        ", ".join(f"{name} {statistics.median(taken):.1f} ms" for name, taken in milliseconds.items()), "a photograph"
    )
    started = time.perf_counter()
    found = find_alike(whole, threshold=-1.0)
    seconds = time.perf_counter() - started
    n = len(whole)
    print(f"{n} x {n} photographs: {seconds:.1f} s; {len(found)} pairs looked at closely")
    print(f"a copy is what correlates with {SURELY_ALIKE:.2f} or more\n")
    sizes = np.unique(people, return_counts=True)[1]
    of_one = int((sizes * (sizes - 1) // 2).sum())
    for what, pairs, same in (
        ("different people", n * (n - 1) // 2 - of_one, False),
        ("one person (other eye, other view)", of_one, True),
    ):
        values = [one.correlation for one in found if (people[one.first] == people[one.second]) == same]
        wrong = sum(value >= SURELY_ALIKE for value in values)
        # With none in N the upper end of a 95% interval is 3 / N (Hanley & Lippman-Hand, JAMA 249:1743, 1983).
        bound = f"; 95% interval up to {3 / pairs:.1e}, were pairs independent" if not wrong and pairs else ""
        print(
            f"{what}: {wrong} of {pairs} pairs taken for copies{bound}; highest correlation {max(values, default=0):.3f}"
        )
    print(f"\n{'change':<56} found          correlation: lowest, median")
    for name, pictures in changed.items():
        best = {
            one.first: one.correlation
            for one in find_alike(np.array(pictures), whole, -1.0)
            if one.second == rows[one.first]
        }
        values = [best.get(index, 0.0) for index in range(len(rows))]
        hits = sum(value >= SURELY_ALIKE for value in values)
        print(f"{name:<56} {hits:>4} of {len(rows):<6} {min(values):.3f}, {statistics.median(values):.3f}")


if __name__ == "__main__":
    main()
