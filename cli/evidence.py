"""``kerasdr evidence``: commands that put a finished model, or our statistics, to the test; imported only when they run."""

import click

from kerasdr.cli.lazy_group import LazyGroup

# name: (module, attribute, help for the list).
COMMANDS = {
    "explanations": (
        "kerasdr.cli.evidence_explanations",
        "explanations_command",
        "Hold heat maps against masks of lesions.",
    ),
    "robustness": (
        "kerasdr.cli.evidence_robustness",
        "robustness_command",
        "Score the same photographs again and again, made worse step by step.",
    ),
    "simulations": (
        "kerasdr.cli.evidence_simulations",
        "simulations_command",
        "Show by simulation that intervals, tests and sets of grades keep what they promise.",
    ),
}


@click.group("evidence", cls=LazyGroup, lazy=COMMANDS)
def evidence_group() -> None:
    """Test what is claimed about a model: what its answers rest on, when they fail, and how sure its figures are."""
