"""`uptier bench report`: how long an experiment's report over millions of exposures and outcomes takes, and how much memory it holds."""

from __future__ import annotations

from typing import Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors


def report(
    exposures: Annotated[int, typer.Option(help="Units that were exposed.", min=100)] = 1_000_000,
    rows: Annotated[int, typer.Option(help="Events, ledger entries and steps of subscriptions.", min=100)] = 5_000_000,
    sample: Annotated[int, typer.Option(help="Units of the sample that is recomputed by hand.", min=100)] = 20_000,
    database_url: Annotated[
        str,
        typer.Option(
            help="An empty PostgreSQL database for the full size; without it only the sample, on SQLite.",
            envvar="UPTIER_DATABASE_URL",
        ),
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of the outcomes.", min=0)] = 1,
    as_json: AsJson = False,
) -> None:
    """Report on an experiment: four metrics and five guardrails with windows, tails, a past, segments, plans and weeks.

    Example: uptier bench report --exposures 1000000 --rows 5000000
    """
    with readable_errors():
        from serving.bench.report import bench_report
        from serving.bench.report_table import render, to_json

        with err.status("starting") as status:
            found = bench_report(database_url, units=exposures, rows=rows, sample=sample, seed=seed, tell=status.update)
        if as_json:
            out.print_json(to_json(found))
        else:
            out.print(render(found), markup=False, soft_wrap=True)
        if not found.is_right:
            raise typer.Exit(1)
