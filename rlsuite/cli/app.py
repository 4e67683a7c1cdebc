"""The verbs put together, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import typer

from rlsuite.cli import (
    arithmetic,
    bench,
    compare,
    complete,
    data,
    demos,
    doctor,
    edit,
    evaluate,
    export,
    export_demo,
    grid,
    ls,
    plot,
    probe,
    rank,
    record,
    resume,
    run,
    sample,
    score,
    show,
    skin,
    tiles,
    transform,
)
from rlsuite.errors import RlsuiteError

app = typer.Typer(
    name="rlsuite",
    help="Reinforcement-learning experiments: one YAML and one command train an agent.",
    epilog="Exit codes: 0 done, 1 the run failed, 2 a mistake in what was asked, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich would double the time of --help
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("run")(run.run)
app.command("resume")(resume.resume)
app.command("show")(show.show)
app.command("eval")(evaluate.evaluate)
app.command("record")(record.record)
app.command("plot")(plot.plot)
app.command("compare")(compare.compare)
app.command("export")(export.export)
app.command("export-demo")(export_demo.export_demo)
app.command("sample")(sample.sample)
app.command("grid")(grid.grid)
app.command("tiles")(tiles.tiles)
app.command("arithmetic")(arithmetic.arithmetic)
app.command("score")(score.score)
app.command("edit")(edit.edit)
app.command("transform")(transform.transform)
app.command("complete")(complete.complete)
app.command("rank")(rank.rank)
app.command("probe")(probe.probe)
app.command("ls")(ls.ls)
app.command("doctor")(doctor.doctor)
app.add_typer(data.app, name="data")
app.add_typer(demos.app, name="demos")
app.add_typer(bench.app, name="bench")
app.add_typer(skin.app, name="skin")


def call(args: Sequence[str] | None = None, prog: str = "rlsuite") -> int:
    """Run one command and return its exit code; what it has to say is on stdout and stderr.

    Args:
        args: Words after ``rlsuite``; none: those of this process.
        prog: What help texts call the command.
    """
    warnings.formatwarning = lambda message, *_args, **_kwargs: f"warning: {message}\n"
    try:
        app(args=args, prog_name=prog)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except RlsuiteError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def main() -> NoReturn:
    """The ``rlsuite`` command."""
    sys.exit(call())
