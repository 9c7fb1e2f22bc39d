"""`uptier bench next-basket` and `uptier bench latency`: the recommender on files of baskets, and its speed beside its peers'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors


def next_basket(
    history: Annotated[Path, typer.Option(help="JSON: customer to a list of baskets in order, each a list of items.")],
    future: Annotated[Path, typer.Option(help="The same shape: the basket that came next.")],
    k: Annotated[int, typer.Option(help="Length of the list.", min=1, max=1000)] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the ranker and of the intervals.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say what the next basket holds, beside counts and TIFU-KNN; repeats and new items apart.

    Example: uptier bench next-basket --history tafeng_history.json --future tafeng_future.json
    """
    with readable_errors():
        from training.bench.next_basket import bench_next_basket, to_json
        from training.bench.next_basket_table import render

        with err.status("starting") as status:
            report = bench_next_basket(history, future, k=k, seed=seed, progress=status.update)
        if as_json:
            out.print_json(json.dumps(json.loads(to_json(report))))
        else:
            out.print(render(report), markup=False, soft_wrap=True)


def latency(
    interactions: Annotated[Path, typer.Option(help="CSV or Parquet, as for `bench recommend`.")],
    asked: Annotated[int, typer.Option(help="How many customers are answered.", min=1)] = 500,
    peers: Annotated[
        Path | None, typer.Option(help="The interpreter of the peers' environment; .venv-peers without it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the choice of customers.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Time one customer's answer in process, with and without the ranker, beside RecTools and LensKit in the same run.

    Example: uptier bench latency --interactions orders.parquet
    """
    with readable_errors():
        from training.bench.latency import bench_latency, render, to_json

        with err.status("starting") as status:
            report = bench_latency(interactions, asked=asked, peers=peers, seed=seed, progress=status.update)
        if as_json:
            out.print_json(json.dumps(json.loads(to_json(report))))
        else:
            out.print(render(report), markup=False, soft_wrap=True)
