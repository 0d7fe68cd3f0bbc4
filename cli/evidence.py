"""``kerasdr evidence``: what can be shown about a model, one file for each sub-command."""

import click

from kerasdr.cli.evidence_explanations import explanations_command
from kerasdr.cli.evidence_simulations import simulations_command


@click.group("evidence")
def evidence_group() -> None:
    """Test what is claimed about a model."""


evidence_group.add_command(explanations_command)
evidence_group.add_command(simulations_command)
