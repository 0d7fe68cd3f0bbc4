"""Measures the reviewer's page in Chromium: `python tests/benchmarks/review_page.py [EYES]`.

A CSV of made-up names and grades, one Grad-CAM picture under as many names as there are eyes. It tells the size of the page,
the time until it is there, and that of a key in the search field, of a step through the list and of a scrolled frame.
"""

import os
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "review"))

from browser import CHROMIUM, Browser, browser  # noqa: E402

from kerasdr.files import sha256_of  # noqa: E402
from kerasdr.grades import grade_name, is_referable  # noqa: E402
from kerasdr.review.page import write_review  # noqa: E402
from kerasdr.scoring.overlay import draw_overlay  # noqa: E402
from kerasdr.scoring.png import encode_png  # noqa: E402
from kerasdr.scoring.rows import Row, to_csv  # noqa: E402

# Each is the time of what a person does, with the frame that shows it.
_SEARCH = """(async () => { const times = [], field = document.getElementById('search');
for (const text of ['1', '12', '123', '12', '1', '']) { const began = performance.now(); field.value = text;
field.dispatchEvent(new Event('input', {bubbles: true})); document.body.offsetHeight; times.push(performance.now() - began); }
return times; })()"""
_STEP = """(async () => { const times = [], list = document.getElementById('list'); list.focus();
for (let i = 0; i < 50; i++) { const began = performance.now();
list.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true}));
document.body.offsetHeight; times.push(performance.now() - began); } return times; })()"""
_SCROLL = """(async () => { const list = document.getElementById('list'), times = [];
let before = await new Promise(requestAnimationFrame);
for (let i = 0; i < 120; i++) { list.scrollTop += 900; const now = await new Promise(requestAnimationFrame);
times.push(now - before); before = now; } return times; })()"""


def write_job(folder: Path, eyes: int) -> Path:
    """Write a CSV and its pictures."""
    dice = random.Random(1)
    pictures = folder / "grades_gradcam"
    pictures.mkdir()
    photograph = np.random.default_rng(1).integers(0, 255, (512, 512, 3), dtype=np.uint8)
    first = pictures / f"{'0' * 12}_{'0' * 12}.png"
    first.write_bytes(
        encode_png(draw_overlay(photograph, np.eye(8, dtype=np.float32), np.array([0, 0, 1, 0, 0.0]), ""))
    )
    rows = []
    for number in range(eyes):
        digest = sha256_of(str(number).encode())
        image = f"images/{number // 2}_{'left' if number % 2 else 'right'}.jpeg"
        picture = pictures / f"{digest[:12]}_{'0' * 12}.png"
        if number % 12 == 0:
            rows.append(
                Row(image, "ungradable", reason="out of focus: take it again", sha256=digest, refer_to_reader=True)
            )
            continue
        os.link(first, picture)
        weights = [dice.random() ** 4 for _ in range(5)]
        shares = tuple(weight / sum(weights) for weight in weights)
        grade = max(range(5), key=shares.__getitem__)
        graded = (grade, grade_name(grade), shares, is_referable(grade), sum(shares[2:]))
        more = {"gradcam": f"{pictures.name}/{picture.name}", "model": "made-up@0123456789ab", "sha256": digest}
        rows.append(
            Row(
                image,
                "graded",
                *graded,
                **more,
                screen_positive=sum(shares[2:]) > 0.5,
                refer_to_reader=max(shares) < 0.6,
            )
        )
    csv = folder / "grades.csv"
    csv.write_text(to_csv(rows), encoding="utf-8")
    return csv


def measure(tab: Browser, page: Path) -> None:
    """Open a page and print the times."""
    tab.open(page)
    ready = tab.ask("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    print(f"ready after {ready:.0f} ms; {tab.ask('document.querySelectorAll(`*`).length')} elements")
    for name, expression in (
        ("key in the search field", _SEARCH),
        ("step through the list", _STEP),
        ("scrolled frame", _SCROLL),
    ):
        times = sorted(tab.ask(expression))
        assert not tab.said, tab.said
        print(f"{name}: {times[len(times) // 2]:.1f} ms at the median, {times[-1]:.1f} ms at most")


def main() -> None:
    """Make a job, its page, and measure it."""
    if CHROMIUM is None:
        sys.exit("there is no Chromium here")
    eyes = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = write_review(write_job(folder, eyes), folder / "review.html").path
        print(f"{eyes} eyes, page of {page.stat().st_size / 1e6:.2f} MB")
        with browser(folder) as tab:
            measure(tab, page)


if __name__ == "__main__":
    main()
