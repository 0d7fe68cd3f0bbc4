"""Several networks' grades into one: how they are combined, and how that is chosen."""

from kerasdr.ensembles.bagging import bagging_spec, bootstrap_people
from kerasdr.ensembles.boosting import boosting_spec, samme_round, samme_weights
from kerasdr.ensembles.choose import Choice, choose
from kerasdr.ensembles.permitted import DEFAULT_METHODS, permitted_methods
from kerasdr.ensembles.registry import method_names
from kerasdr.ensembles.soft import soft_spec
from kerasdr.ensembles.spec import EnsembleSpec, combine
from kerasdr.ensembles.stacking import fit_stacking
from kerasdr.ensembles.weighted import fit_weights

__all__ = [
    "DEFAULT_METHODS",
    "Choice",
    "EnsembleSpec",
    "bagging_spec",
    "boosting_spec",
    "bootstrap_people",
    "choose",
    "combine",
    "fit_stacking",
    "fit_weights",
    "method_names",
    "permitted_methods",
    "samme_round",
    "samme_weights",
    "soft_spec",
]
