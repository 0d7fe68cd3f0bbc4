"""``kerasdr review``: the page for whoever looks at a job's grades, and what becomes of the decisions; imported when run."""

import click

from kerasdr.cli.lazy_group import LazyGroup

# name: (module, attribute, help for the list).
COMMANDS = {
    "page": ("kerasdr.cli.review_page", "page_command", "Write the page on which a person looks at the grades."),
    "merge": ("kerasdr.cli.review_merge", "merge_command", "Put readers' decisions beside the grades."),
    "export": ("kerasdr.cli.review_export", "export_command", "Write the grades as tasks of a labelling tool."),
}


@click.group("review", cls=LazyGroup, lazy=COMMANDS)
def review_group() -> None:
    """Look at a job's grades, overrule them, and bring the decisions back.

    A machine's grade is a proposal: a person looks at each photograph, on a page that needs no network and no server.
    """
