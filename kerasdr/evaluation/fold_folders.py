"""The folders of a cross-validation's runs, as its own names tell them."""

import re
from pathlib import Path

_FOLD = re.compile(r"repeat-1-fold-(\d+)")


def folds_of_first_repeat(folder: Path) -> list[Path]:
    """Return the runs of the first repeat, in order; none if a path is no folder of a cross-validation.

    Whatever else lies there, such as a copy of a run, is passed over.
    """
    numbered = {int(match[1]): path for path in folder.glob("repeat-1-fold-*") if (match := _FOLD.fullmatch(path.name))}
    return [numbered[number] for number in sorted(numbered) if numbered[number].is_dir()]
