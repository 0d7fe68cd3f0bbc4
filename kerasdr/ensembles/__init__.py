"""Several networks' grades into one: how they are combined, and how that is chosen."""

from kerasdr.ensembles.choose import Choice, choose
from kerasdr.ensembles.spec import EnsembleSpec, combine, method_names
from kerasdr.ensembles.voting import soft_spec
from kerasdr.ensembles.weighted import fit_weights

__all__ = ["Choice", "EnsembleSpec", "choose", "combine", "fit_weights", "method_names", "soft_spec"]
