"""`uptier bench uplift`: whom a treatment moves, on any table of an experiment, beside a random order and the plain response model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors


def uplift(
    table: Annotated[Path, typer.Option(help="CSV or Parquet with one row a customer of the experiment.")],
    treatment: Annotated[str, typer.Option(help="The column with the arm.")],
    outcome: Annotated[str, typer.Option(help="The column with the outcome: yes or no, or an amount.")],
    control: Annotated[str, typer.Option(help="The arm that is the control; guessed where one is called so.")] = "",
    arm: Annotated[
        list[str] | None, typer.Option(help="A treated arm to judge; may be given again; all unless told.")
    ] = None,
    drop: Annotated[list[str] | None, typer.Option(help="A column to leave out; may be given again.")] = None,
    positive: Annotated[str, typer.Option(help="The outcome's value that counts, where it is a word.")] = "",
    splits: Annotated[
        int, typer.Option(help="Splits into training and test; fewer than ten say little.", min=2, max=1000)
    ] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the first split.", min=0)] = 0,
    margin: Annotated[float | None, typer.Option(help="What one outcome is worth: also judge policies.")] = None,
    cost: Annotated[float, typer.Option(help="What one treatment costs.", min=0)] = 0.0,
    budget: Annotated[float | None, typer.Option(help="What may be spent on the customers of a test part.")] = None,
    as_json: AsJson = False,
) -> None:
    """Test whether customers differ in what a treatment changes, compare learners over splits, and say whom to treat.

    Example: uptier bench uplift --table mail.csv --treatment segment --outcome visit --control "No E-Mail"
    """
    with readable_errors():
        from models.uplift.policy import Terms
        from training.bench.uplift import bench_uplift
        from training.bench.uplift_table import render, to_json

        terms = None if margin is None else Terms(margin=margin, cost=cost, budget=budget)
        with err.status("starting") as status:
            report = bench_uplift(
                table,
                treatment=treatment,
                outcome=outcome,
                control=control,
                arms=arm or (),
                drop=drop or (),
                positive=positive,
                splits=splits,
                seed=seed,
                terms=terms,
                tell=status.update,
            )
        if as_json:
            out.print_json(json.dumps(json.loads(to_json(report))))
        else:
            out.print(render(report), markup=False, soft_wrap=True)
