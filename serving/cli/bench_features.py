"""`uptier bench features`: how long point-in-time features take on each engine, and whether the engines agree to the last bit."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors


def features(
    events: Annotated[int, typer.Option(help="How many events are made.", min=1)] = 1_000_000,
    customers: Annotated[int, typer.Option(help="Of how many customers.", min=1)] = 50_000,
    seed: Annotated[int, typer.Option(help="Seed of the made histories.", min=0)] = 1,
    spark: Annotated[
        bool, typer.Option("--spark", help="Ask Apache Spark too (needs the extra 'scale' and Java).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compute features as of two moments a customer by hand-written SQL, DuckDB, the fold, tiles and, when asked, Spark.

    Example: uptier bench features --events 1000000 --customers 50000 --spark
    """
    with readable_errors():
        from training.bench.features import bench_features
        from training.bench.features_table import render, to_json

        with err.status("starting") as status:
            report = bench_features(events=events, customers=customers, seed=seed, spark=spark, progress=status.update)
        if as_json:
            out.print_json(json.dumps(json.loads(to_json(report))))
        else:
            out.print(render(report), markup=False, soft_wrap=True)
        if any(row.differing for row in (*report.engines, *report.busy)):
            raise typer.Exit(1)
