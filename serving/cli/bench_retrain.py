"""`uptier bench retrain`: how long a whole retraining of a shop takes, and how much memory, as the shop grows."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors


def retrain(
    lines: Annotated[
        list[int] | None, typer.Option(help="Purchase lines; give it again to see the growth.", min=1000)
    ] = None,
    workers: Annotated[
        list[int] | None, typer.Option(help="Processes that train, 1 or 2; may be given again.", min=1, max=2)
    ] = None,
    usage: Annotated[
        bool, typer.Option("--usage", help="Add the members' usage events, twice as many as lines.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the shop and of the training.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Simulate a shop, then train every task from nothing: seconds, processor time and peak memory of each.

    Example: uptier bench retrain --lines 40000 --lines 400000 --workers 2
    """
    with readable_errors():
        from training.bench.retrain import TARGET_LINES, Retrained, bench_retrain
        from training.bench.retrain_table import render, to_json
        from training.jobs import JOBS, run_jobs

        runs: list[Retrained] = []
        with err.status("starting") as status:
            found = bench_retrain(
                lines or [TARGET_LINES],
                run_jobs,
                tuple(JOBS),
                workers=workers or [2],
                seed=seed,
                usage=usage,
                progress=status.update,
            )
            for run in found:
                runs.append(run)
                err.print(f"{run.lines:,} lines with {run.workers} worker(s): {run.seconds:.1f} s")
        if as_json:
            sys.stdout.write(json.dumps(json.loads(to_json(runs))) + "\n")
        else:
            out.print(render(runs), markup=False, soft_wrap=True)
