"""`uptier bench offers`: the decision pipeline beside one rule in simulated shops, judged by the holdout report and by the truth."""

from __future__ import annotations

from typing import Annotated

import typer

from serving.cli.output import AsJson, err, out, readable_errors


def offers(
    seeds: Annotated[int, typer.Option(help="Shops of each kind.", min=1, max=10_000)] = 100,
    seed: Annotated[int, typer.Option(help="The first seed.", min=0)] = 0,
    world: Annotated[
        list[str] | None, typer.Option(help="A kind of shop by its name; may be given again; all unless told.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that simulate.", min=1, max=64)] = 1,
    as_json: AsJson = False,
) -> None:
    """Let shops sell by one rule and by the decision pipeline, and see what the holdout report makes of it beside the truth.

    Example: uptier bench offers --seeds 100 --workers 2
    """
    with readable_errors():
        from training.truth.offers import bench_offers, worlds_named
        from training.truth.offers_table import render, to_json

        with err.status("starting") as status:
            reports = bench_offers(
                worlds=worlds_named(world or ()), seeds=seeds, first_seed=seed, workers=workers, tell=status.update
            )
        if as_json:
            out.print_json(to_json(reports))
        else:
            out.print(render(reports), markup=False, soft_wrap=True)
