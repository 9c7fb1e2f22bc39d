"""`uptier bench`: measure a model beside its baselines, on a file of yours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors

app = typer.Typer(help="Benchmarks: model and baselines side by side, with intervals.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `bench` a group while it has one command."""


@app.command()
def recommend(
    interactions: Annotated[
        Path, typer.Option(help="CSV or Parquet: customer, item, at, and optionally basket, quantity, price.")
    ],
    test_days: Annotated[float, typer.Option(help="Days at the end that are held out.")] = 31,
    cutoff: Annotated[datetime | None, typer.Option(help="Hold out from this moment (UTC) instead.")] = None,
    k: Annotated[int, typer.Option(help="Length of the list.", min=1, max=1000)] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the intervals.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Recommend from the past of a file and be judged on its end: full ranking, split by time, paired intervals.

    Example: uptier bench recommend --interactions orders.parquet --test-days 31
    """
    with readable_errors():
        from training.bench.recommend import bench_recommend, to_json
        from training.bench.recommend_table import render

        moment = None if cutoff is None else cutoff.replace(tzinfo=cutoff.tzinfo or UTC)
        with err.status("starting") as status:
            report = bench_recommend(
                interactions,
                test_days=test_days,
                cutoff=moment,
                k=k,
                seed=seed,
                progress=status.update,
            )
        if as_json:
            out.print_json(json.dumps(json.loads(to_json(report))))
        else:
            out.print(render(report), markup=False, soft_wrap=True)
