"""`uptier bench experiments`: how often each rule of deciding errs when nothing differs, and what it finds when something does."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors


def experiments(
    runs: Annotated[int, typer.Option(help="How many experiments of each sort.", min=100, max=1_000_000)] = 2_000,
    units: Annotated[int, typer.Option(help="Customers an arm.", min=100, max=1_000_000)] = 500,
    days: Annotated[int, typer.Option(help="Days, each with a look.", min=14, max=365)] = 28,
    base: Annotated[float, typer.Option(help="Control's conversion.", min=0.001, max=0.6)] = 0.05,
    lift: Annotated[float, typer.Option(help="The relative lift to be found.", min=-0.9, max=0.6)] = 0.5,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Simulate A/A and A/B tests that are read daily: wrong decisions, power and false split alarms, beside what people do instead.

    Example: uptier bench experiments --runs 2000 --units 500 --lift 0.5
    """
    with readable_errors():
        from training.bench.experiments import Setting, bench_experiments
        from training.bench.experiments_table import render, to_json

        setting = Setting(runs=runs, units_an_arm=units, days=days, base=base, lift=lift, seed=seed)
        with err.status("starting") as status:
            report = bench_experiments(setting, status.update)
        if as_json:
            out.print_json(json.dumps(json.loads(to_json(report))))
        else:
            out.print(render(report), markup=False, soft_wrap=True)
