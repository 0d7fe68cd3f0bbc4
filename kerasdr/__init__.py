"""Grade diabetic retinopathy from photographs of the retina, with evidence for each grade.

The parts that programs need most are here; they are imported when they are first asked for::

    from kerasdr import load_bundle, score_photographs

    bundle = load_bundle("runs/chosen")
    for row in score_photographs(["images"], bundle):
        print(row.image, row.grade, row.prob_referable)
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from kerasdr.config import load as load_config
    from kerasdr.errors import KerasdrError
    from kerasdr.reporting import Reporter
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.engines import make_engine
    from kerasdr.scoring.job import run_job, score_photographs
    from kerasdr.training.experiment import train

__all__ = [
    "KerasdrError",
    "Reporter",
    "__version__",
    "load_bundle",
    "load_config",
    "make_engine",
    "run_job",
    "score_photographs",
    "train",
]

_WHERE = {
    "KerasdrError": ("kerasdr.errors", "KerasdrError"),
    "Reporter": ("kerasdr.reporting", "Reporter"),
    "load_bundle": ("kerasdr.scoring.bundle", "load_bundle"),
    "load_config": ("kerasdr.config", "load"),
    "make_engine": ("kerasdr.scoring.engines", "make_engine"),
    "run_job": ("kerasdr.scoring.job", "run_job"),
    "score_photographs": ("kerasdr.scoring.job", "score_photographs"),
    "train": ("kerasdr.training.experiment", "train"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'kerasdr' has no attribute {name!r}")
    module, attribute = _WHERE[name]
    return getattr(importlib.import_module(module), attribute)
