"""``kerasdr models``."""

import click

from kerasdr.cli.terminal import load_keras_quietly


@click.command("models")
def models_command() -> None:
    """List what configurations can name: experiments, trunks, recipes, layouts, ensemble methods."""
    from kerasdr.config import shipped_names
    from kerasdr.data.readers import layout_names
    from kerasdr.ensembles import method_names
    from kerasdr.imaging.recipes import recipe_names

    load_keras_quietly()
    from kerasdr.models import trunk_names

    for title, names in (
        ("experiments (kerasdr train NAME)", shipped_names()),
        ("trunks (model.trunk)", trunk_names()),
        ("recipes (imaging.recipe)", recipe_names()),
        ("layouts (data.layout)", layout_names()),
        ("ensemble methods (ensemble.methods)", method_names()),
    ):
        click.echo(f"{title}: {', '.join(names)}")
