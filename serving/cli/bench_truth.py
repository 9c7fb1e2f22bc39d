"""`uptier bench truth`: what the jobs recover of shops whose segments, hazards and uplifts are known."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors


def truth(
    seeds: Annotated[int, typer.Option(help="How many shops, of seeds 0, 1, ...", min=1, max=1000)] = 10,
    customers: Annotated[int, typer.Option(help="Customers of each shop.", min=200, max=100_000)] = 6000,
    days: Annotated[int, typer.Option(help="Days of each shop.", min=180, max=3650)] = 365,
    cost: Annotated[
        float, typer.Option(help="What an offer costs where an upgrade is worth 1,000.", min=0, max=1000)
    ] = 30,
    as_json: AsJson = False,
) -> None:
    """Run the product's own jobs over simulated shops and compare segments, churn, uplift and policy with the truth.

    Example: uptier bench truth --seeds 10
    """
    with readable_errors():
        from models.uplift.policy import Terms
        from training.truth.recover import bench_truth
        from training.truth.table import render, to_json

        with err.status("starting") as status:
            report = bench_truth(
                seeds=seeds, customers=customers, days=days, terms=Terms(margin=1000, cost=cost), tell=status.update
            )
        if as_json:
            out.print_json(json.dumps(json.loads(to_json(report))))
        else:
            out.print(render(report), markup=False, soft_wrap=True)
