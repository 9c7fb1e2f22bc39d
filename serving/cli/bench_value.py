"""`uptier bench value`: what customers will buy and spend, on any file of transactions, beside what needs no model."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors


def value(
    transactions: Annotated[
        Path, typer.Option(help="CSV, Parquet or blank-separated columns: customer, date, and optionally amount.")
    ],
    calibration_end: Annotated[
        datetime | None, typer.Option(help="Last day that is learned from; half of the file's time unless told.")
    ] = None,
    customer: Annotated[str, typer.Option(help="The column that names the customer; guessed unless told.")] = "",
    date: Annotated[str, typer.Option(help="The column with the date; guessed unless told.")] = "",
    amount: Annotated[str, typer.Option(help="The column with the amount; guessed unless told.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the intervals.", min=0)] = 0,
    published: Annotated[
        str, typer.Option(help="Show the published figures of a known file (cdnow) whose bytes differ.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Forecast purchases and spend from the first part of a file and be judged on the rest: parameters, level, error, ranking.

    Example: uptier bench value --transactions orders.csv --calibration-end 2025-09-30
    """
    with readable_errors():
        from training.bench.value import bench_value
        from training.bench.value_table import render, to_json

        with err.status("starting") as status:
            report = bench_value(
                transactions,
                calibration_end=calibration_end,
                customer=customer,
                date_column=date,
                amount=amount,
                seed=seed,
                published=published,
                tell=status.update,
            )
        if as_json:
            out.print_json(json.dumps(json.loads(to_json(report))))
        else:
            out.print(render(report), markup=False, soft_wrap=True)
