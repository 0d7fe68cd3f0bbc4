"""``kerasdr evidence simulations``."""

from pathlib import Path

import click

EXAMPLES = """
\b
Examples:
  kerasdr evidence simulations
  kerasdr evidence simulations --studies 2000 --out simulations
"""


@click.command("simulations", epilog=EXAMPLES)
@click.option(
    "--studies", type=click.IntRange(min=20), default=500, show_default=True, help="Simulated studies a table."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all chance.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Also write each table as CSV here.")
def simulations_command(studies: int, seed: int, out: Path | None) -> None:
    """Show by simulation that intervals, tests and sets of grades keep what they promise.

    No photographs and no model: people, eyes and graders are simulated, so the truth is known. Three tables: how often 95%
    intervals hold it; how often tests at 5% tell graders of equal skill apart; how often sets of grades hold the grade.
    """
    from kerasdr.evaluation.conformal_simulation import coverage_summary, simulate_coverage
    from kerasdr.evaluation.interval_simulation import coverage_studies
    from kerasdr.evaluation.simulation import null_studies
    from kerasdr.files import make_folder, write_text_atomically

    if out is not None:
        make_folder(out)
    tables = {
        "intervals": (
            "95% intervals of one grader, people with two eyes",
            lambda: coverage_studies(studies, seed=seed),
        ),
        "comparisons": (
            "two graders of equal skill: share of studies that call them different",
            lambda: null_studies(studies, seed=seed),
        ),
        "grade_sets": (
            "sets of grades at level 0.9, 70 validation people with 1 to 4 photographs, 500 new people",
            lambda: coverage_summary(simulate_coverage(studies, seed=seed)).reset_index(),
        ),
    }
    for name, (title, make) in tables.items():
        table = make()
        click.echo(f"{title}; {studies} simulated studies, seed {seed}")
        click.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}") + "\n")
        if out is not None:
            write_text_atomically(out / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
