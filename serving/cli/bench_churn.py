"""`uptier bench churn`: who leaves, on any table with an outcome or any file of purchases, beside honest peers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors

if TYPE_CHECKING:
    from collections.abc import Callable


def churn(
    table: Annotated[
        Path | None, typer.Option(help="CSV or Parquet with one row a customer and a column with the outcome.")
    ] = None,
    label: Annotated[str, typer.Option(help="The column with the outcome.")] = "",
    purchases: Annotated[
        Path | None, typer.Option(help="Instead of a table, CSV or Parquet with one row a purchase: customer, at, ...")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(help="Days of silence that count as churn; the file's own rhythm unless told.", min=1)
    ] = None,
    cutoff: Annotated[
        datetime | None, typer.Option(help="Judge at this moment (UTC); the last observed one unless told.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="A purchases column by its part, as customer=ClientNo; may be given again.")
    ] = None,
    id_column: Annotated[str, typer.Option("--id", help="The column that names the customer.")] = "",
    positive: Annotated[str, typer.Option(help="The outcome's value that counts; guessed where there are two.")] = "",
    drop: Annotated[list[str] | None, typer.Option(help="A column to leave out; may be given again.")] = None,
    folds: Annotated[int, typer.Option(help="Folds of each repeat.", min=2, max=50)] = 5,
    repeats: Annotated[int | None, typer.Option(help="Repeats; 5 unless there are many rows.", min=1, max=100)] = None,
    seed: Annotated[int, typer.Option(help="Seed of folds and fits.")] = 42,
    trials: Annotated[int, typer.Option(help="Trials that tune the peer.", min=0, max=1000)] = 25,
    published: Annotated[
        str, typer.Option(help="Show the landmarks of a known file (telco, online-retail) whose bytes differ.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Predict who leaves: by repeated folds of a table, or after a moment in a file of purchases, beside honest peers.

    Example: uptier bench churn --table customers.csv --label Churn --id customerID
    """
    with readable_errors():
        if (table is None) == (purchases is None):
            raise typer.BadParameter("give either --table with --label, or --purchases")
        if table is not None and not label:
            raise typer.BadParameter("a table needs --label, the column with the outcome")
        with err.status("starting") as status:
            if purchases is not None:
                text, document = _purchases(purchases, horizon, cutoff, seed, column or [], published, status.update)
            else:
                from training.bench.churn_render import render_table, table_json
                from training.bench.churn_table import bench_churn_table

                report = bench_churn_table(
                    table or Path(),
                    label=label,
                    id_column=id_column,
                    positive=positive,
                    drop=drop or (),
                    folds=folds,
                    repeats=repeats,
                    seed=seed,
                    trials=trials,
                    published=published,
                    tell=status.update,
                )
                text, document = render_table(report), table_json(report)
        if as_json:
            out.print_json(document)
        else:
            out.print(text, markup=False, soft_wrap=True)


def _purchases(
    path: Path,
    horizon: int | None,
    cutoff: datetime | None,
    seed: int,
    column: list[str],
    published: str,
    tell: Callable[[str], None],
) -> tuple[str, str]:
    from training.bench.churn_purchases import bench_churn_purchases
    from training.bench.churn_render import purchases_json, render_purchases

    if any("=" not in one for one in column):
        raise typer.BadParameter("a column is told as part=NAME, such as customer=ClientNo")
    moment = None if cutoff is None else cutoff.replace(tzinfo=cutoff.tzinfo or UTC)
    report = bench_churn_purchases(
        path,
        horizon_days=horizon,
        cutoff_us=None if moment is None else int(moment.timestamp()) * 1_000_000,
        seed=seed,
        columns=dict(one.split("=", 1) for one in column),
        published=published,
        tell=tell,
    )
    return render_purchases(report), purchases_json(report)
