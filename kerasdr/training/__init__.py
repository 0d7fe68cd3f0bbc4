"""Fitting networks: data made ready, stages, checkpoints, the run folder.

Modules that fit import Keras; the package itself and :mod:`kerasdr.training.run_folder` do not.
"""
