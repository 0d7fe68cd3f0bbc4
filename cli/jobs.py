"""``kerasdr jobs``: what jobs have done, and whether they go well."""

import click

from kerasdr.cli.lazy_group import LazyGroup

COMMANDS = {
    "health": ("kerasdr.cli.jobs_health", "health_command", "Say whether the last job of an output went well."),
}


@click.group("jobs", cls=LazyGroup, lazy=COMMANDS)
def jobs_group() -> None:
    """Look at jobs and their ledgers."""
