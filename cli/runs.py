"""``kerasdr runs`` and ``kerasdr choose``."""

from pathlib import Path

import click

_RUNS = click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="The folder of runs."
)


@click.command("runs")
@_RUNS
def runs_command(runs: Path) -> None:
    """List runs: name and time, status, validation kappa with its interval, test part; * is the chosen one.

    A run whose process is gone before it was finished is stopped. Of a finished one it says when its test part was opened.
    """
    from kerasdr.training.run_folder import list_runs

    found = list_runs(runs)
    if not found:
        click.echo(f"no runs in {runs}: `kerasdr train demo` makes one", err=True)
        return
    for run in found:
        kappa = ""
        if run.kappa:
            low, high = (f"{run.kappa[end]:.3f}" if run.kappa[end] is not None else "?" for end in ("low", "high"))
            kappa = "validation kappa undefined"
            if run.kappa["value"] is not None:
                kappa = f"validation kappa {run.kappa['value']:.3f} (95% interval over people {low} to {high})"
            kappa += ", of phantoms" if run.phantoms else ""
        unopened = "test part not opened" if run.has_test_part else "no test part"
        said = {
            "stopped": f"`kerasdr train --resume {run.path}` goes on",
            "finished": f"test part opened {run.opened}" if run.opened else unopened,
        }.get(run.status, "")
        said += f", {run.openings} times in all" if run.openings > 1 else ""
        click.echo(
            f"{'*' if run.chosen else ' '} {run.path}  {run.status:<8}  {'; '.join(filter(None, [kappa, said]))}".rstrip()
        )


@click.command("choose")
@click.argument("run", type=click.Path(path_type=Path))
@_RUNS
def choose_command(run: Path, runs: Path) -> None:
    """Let `kerasdr predict` use RUN, a finished run's folder."""
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.training.run_folder import choose_run

    bundle = load_bundle(run / "bundle")
    choose_run(run, runs)
    click.echo(f"chosen: {run} ({bundle.label})")
