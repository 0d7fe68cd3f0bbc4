"""``kerasdr evidence``: commands that put a finished model to the test, imported only when they run."""

import importlib

import click

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
}


class _EvidenceGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in their order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing it now."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, _, help_text) in COMMANDS.items()])


@click.group("evidence", cls=_EvidenceGroup)
def evidence_group() -> None:
    """Test what is claimed about a model: what its answers rest on, and when they fail."""
