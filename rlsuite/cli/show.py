"""`rlsuite show FILE`: the experiment as it will run, and who wrote each value."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsuite.cli.options import Json, Overrides, Smoke


def show(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The experiment, a YAML file.")] = None,
    set_: Overrides = None,
    smoke: Smoke = False,
    json: Json = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of experiments, for editors.")
    ] = False,
) -> None:
    """Print the complete experiment with the origin of every value."""
    if schema:
        from rlsuite.cli.output import print_json
        from rlsuite.config.json_schema import experiment_schema

        return print_json(experiment_schema())
    if file is None:
        raise typer.BadParameter("name an experiment file, or ask for --schema")
    from rlsuite.config.schema import load_experiment
    from rlsuite.config.view import origins_by_key, with_origins

    resolved = load_experiment(file, set_ or (), smoke=smoke)
    if json:
        from rlsuite.cli.output import print_json

        return print_json({"experiment": resolved.tree, "origins": origins_by_key(resolved)})
    return print(with_origins(resolved), end="")
