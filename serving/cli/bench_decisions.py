"""`uptier bench decisions`: offers decided over HTTP at a given rate, beside flag servers that keep nothing."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors


def decisions(
    rate: Annotated[float, typer.Option(help="Requests a second that fall due.", min=1)] = 300,
    seconds: Annotated[float, typer.Option(help="How long each server is driven.", min=1)] = 20,
    customers: Annotated[int, typer.Option(help="Customers of the shop; half of them are at a limit.", min=2)] = 4_000,
    database_url: Annotated[
        str,
        typer.Option(
            help="An empty PostgreSQL database; without it SQLite in a new folder.", envvar="UPTIER_DATABASE_URL"
        ),
    ] = "",
    redis_url: Annotated[str, typer.Option(help="A Redis to tell changes by.", envvar="UPTIER_REDIS_URL")] = "",
    seed: Annotated[int, typer.Option(help="Seed of who asks, and when.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Ask what to offer, at a rate that does not wait for the server: latency, CPU, and whether all that was answered is stored.

    Example: uptier bench decisions --rate 300 --seconds 30
    """
    with readable_errors():
        from serving.bench.decisions import bench_decisions
        from serving.bench.decisions_table import render, to_json
        from serving.settings import Settings

        with err.status("preparing") as status, TemporaryDirectory() as folder:
            url = database_url or f"sqlite:///{folder}/bench.db"
            options = {"database_url": url, "redis_url": redis_url, "mlflow_uri": "off", "holdout_per_ten_thousand": 0}
            settings = Settings(home=Path(folder), _env_file=None, **options)  # type: ignore[arg-type] # (settings read themselves)
            report = bench_decisions(
                settings, customers=customers, rate=rate, seconds=seconds, seed=seed, tell=status.update
            )
        if as_json:
            out.print_json(to_json(report))
        else:
            out.print(render(report), markup=False, soft_wrap=True)
        if not report.is_right:
            raise typer.Exit(1)
