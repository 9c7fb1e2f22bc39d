"""`uptier bench`: measure a model beside its baselines on a file of yours, or the billing engine on the machine at hand."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from serving.cli.bench_boxes import boxes
from serving.cli.bench_churn import churn
from serving.cli.bench_decisions import decisions
from serving.cli.bench_experiments import experiments
from serving.cli.bench_features import features
from serving.cli.bench_offers import offers
from serving.cli.bench_recommend import latency, next_basket
from serving.cli.bench_report import report
from serving.cli.bench_retrain import retrain
from serving.cli.bench_truth import truth
from serving.cli.bench_uplift import uplift
from serving.cli.bench_value import value
from serving.cli.output import AsJson, err, out, readable_errors

app = typer.Typer(help="Benchmarks: models beside their baselines, and the billing engine.", no_args_is_help=True)
app.command()(boxes)
app.command()(churn)
app.command()(decisions)
app.command()(experiments)
app.command()(features)
app.command()(latency)
app.command()(next_basket)
app.command()(offers)
app.command()(report)
app.command()(retrain)
app.command()(truth)
app.command()(uplift)
app.command()(value)


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


@app.command()
def billing(
    subscriptions: Annotated[
        list[int] | None, typer.Option(help="How many subscriptions; give it again to see the growth.", min=1)
    ] = None,
    events: Annotated[int, typer.Option(help="Usage events of each subscription in the month.", min=0)] = 100,
    workers: Annotated[
        list[int] | None, typer.Option(help="How many processes bill; may be given again.", min=1)
    ] = None,
    database_url: Annotated[
        str,
        typer.Option(
            help="An empty PostgreSQL database; without it SQLite in a new folder.", envvar="UPTIER_DATABASE_URL"
        ),
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of the usage.")] = 0,
    profile: Annotated[
        int, typer.Option(help="Also profile a run over so many subscriptions, and show where the time goes.", min=0)
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Rate charges, and close a month for many subscriptions: invoices a second, memory, and whether the books are whole.

    Example: uptier bench billing --subscriptions 1000 --subscriptions 10000 --workers 2
    """
    with readable_errors():
        from training.bench.billing import Size, bench_billing, profile_billing, rate_charges
        from training.bench.billing_table import render, render_profile, to_json

        runs = []
        with err.status("rating charges") as status:
            rates = rate_charges()
            for count in subscriptions or [10_000]:
                for processes in workers or [1]:
                    with TemporaryDirectory() as folder:
                        url = database_url or f"sqlite:///{folder}/bench.db"
                        size = Size(count, events)
                        runs.append(bench_billing(url, size, workers=processes, seed=seed, tell=status.update))
            shares = {}
            if profile:
                with TemporaryDirectory() as folder:
                    url = database_url or f"sqlite:///{folder}/bench.db"
                    shares = profile_billing(url, Size(profile, events), seed=seed, tell=status.update)
        if as_json:
            out.print_json(to_json(rates, runs, shares))
        else:
            out.print(render(rates, runs), markup=False, soft_wrap=True)
            if shares:
                out.print(render_profile(shares, runs[0].engine), markup=False, soft_wrap=True)
        if not all(run.whole for run in runs):
            raise typer.Exit(1)


@app.command()
def metering(
    events: Annotated[int, typer.Option(help="Usage events in process, and as many over HTTP.", min=1)] = 200_000,
    each: Annotated[int, typer.Option(help="Events a call over HTTP.", min=1, max=10_000)] = 1_000,
    callers: Annotated[int, typer.Option(help="Callers over HTTP at once.", min=1, max=1_000)] = 16,
    database_url: Annotated[
        str,
        typer.Option(
            help="An empty PostgreSQL database; without it SQLite in a new folder.", envvar="UPTIER_DATABASE_URL"
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Take usage in: durable, deduplicated, rolled-up events a second, in process beside raw COPY or executemany, and over HTTP.

    Example: uptier bench metering --events 100000 --callers 16
    """
    with readable_errors():
        from serving.intake.pace import settle
        from training.bench.metering import bench_in_process
        from training.bench.metering_load import Load, bench_over_http
        from training.bench.metering_table import render, to_json

        server = (sys.executable, "-c", "from serving.cli.main import main; main()", "serve", "--no-worker", "--port")
        settle()  # as the server does
        load = Load(events=events, each=each, callers=callers)
        with err.status("preparing") as status, TemporaryDirectory() as folder:
            url = database_url or f"sqlite:///{folder}/bench.db"
            runs = [bench_in_process(url, events, status.update), *bench_over_http(url, load, server, status.update)]
        if as_json:
            out.print_json(to_json(runs))
        else:
            out.print(render(runs), markup=False, soft_wrap=True)
        if not all(run.is_right for run in runs):
            raise typer.Exit(1)


@app.command()
def gating(
    seconds: Annotated[float, typer.Option(help="How long each way over HTTP is driven.", min=0.2)] = 5,
    connections: Annotated[int, typer.Option(help="Kept connections over HTTP.", min=1, max=256)] = 8,
    changes: Annotated[
        int, typer.Option(help="Changes whose way to another process is timed (with a Redis).", min=1)
    ] = 300,
    database_url: Annotated[
        str,
        typer.Option(
            help="An empty PostgreSQL database; without it SQLite in a new folder.", envvar="UPTIER_DATABASE_URL"
        ),
    ] = "",
    redis_url: Annotated[str, typer.Option(help="A Redis to tell changes by.", envvar="UPTIER_REDIS_URL")] = "",
    as_json: AsJson = False,
) -> None:
    """Ask the gate: decisions in the process beside other SDKs, how soon changes are heard of, and answers over HTTP beside a stub.

    Example: uptier bench gating --seconds 10
    """
    with readable_errors():
        from serving.bench.gating import heard, in_process, is_right, prepare
        from serving.bench.gating_http import over_http
        from serving.bench.gating_table import Report, render, to_json
        from serving.settings import Settings

        with err.status("preparing") as status, TemporaryDirectory() as folder:
            url = database_url or f"sqlite:///{folder}/bench.db"
            options = {"database_url": url, "redis_url": redis_url, "mlflow_uri": "off", "gate_seconds": 300}
            settings = Settings(home=Path(folder), _env_file=None, **options)  # type: ignore[arg-type] # (settings read themselves)
            bench = prepare(settings)
            if not is_right(bench):
                err.print("memory and database disagree; speed says nothing", style="bold red")
                raise typer.Exit(1)
            report = Report(
                engine=bench.services.database.engine.dialect.name,
                in_process=in_process(bench, status.update),
                heard=heard(bench, settings, changes) if redis_url else None,
                over_http=over_http(bench, seconds, connections, status.update),
            )
            bench.services.database.close()
        if as_json:
            out.print_json(to_json(report))
        else:
            out.print(render(report), markup=False, soft_wrap=True)


@app.command()
def limits(
    seconds: Annotated[float, typer.Option(help="How long each is driven in each of three rounds.", min=0.05)] = 0.5,
    database_url: Annotated[
        str, typer.Option(help="An empty PostgreSQL database to measure beside SQLite.", envvar="UPTIER_DATABASE_URL")
    ] = "",
    redis_url: Annotated[str, typer.Option(help="An empty Redis.", envvar="UPTIER_REDIS_URL")] = "",
    as_json: AsJson = False,
) -> None:
    """Decide rate limits in Redis, SQL and memory, beside one raw script call and the libraries limits and throttled-py.

    Example: uptier bench limits --redis-url redis://localhost:6379/15
    """
    with readable_errors():
        from serving.bench.limits import bench_limits
        from serving.bench.limits_table import render, to_json

        with err.status("preparing") as status, TemporaryDirectory() as folder:
            urls = [f"sqlite:///{folder}/bench.db", *([database_url] if database_url else [])]
            report = bench_limits(urls, redis_url, seconds, status.update)
        if as_json:
            out.print_json(to_json(report))
        else:
            out.print(render(report), markup=False, soft_wrap=True)
        if not report.is_right:
            raise typer.Exit(1)
