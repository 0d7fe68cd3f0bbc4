"""``kerasdr evaluate``."""

from pathlib import Path

import click

from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly


@click.command("evaluate")
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="The folder of runs."
)
def evaluate_command(run: Path | None, runs: Path) -> None:
    """Report on the test part of RUN (the chosen run if not given).

    The test part is opened once: the first call grades it with the run's bundle and keeps the result, later calls show what
    was kept.
    """
    from kerasdr.evaluation.report import metrics_table
    from kerasdr.training.run_folder import chosen_run

    run = run or chosen_run(runs)
    load_keras_quietly()
    from kerasdr.training.held_out import open_test_part

    reporter = TerminalReporter()
    result = open_test_part(run, reporter)
    click.echo(f"{run}: test part, {result.opened}")
    click.echo(metrics_table(result.metrics))
    click.echo(f"not graded: {result.not_graded} of {result.photographs} photographs (ungradable or unreadable)")
