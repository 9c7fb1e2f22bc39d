"""`uptier simulate`: make a shop of any size from a seed, as files that the import commands read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serving.cli.output import AsJson, err, readable_errors, say


def simulate_shop(
    output: Annotated[Path, typer.Argument(help="Folder to write to; made if it is not there.")],
    customers: Annotated[int, typer.Option(help="How many customers.", min=1, max=1_000_000)] = 1000,
    days: Annotated[int, typer.Option(help="How many days.", min=30, max=3650)] = 365,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files, byte for byte.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Simulate a subscription shop with known truth: segments, churn hazard, price sensitivity, the uplift of an offer.

    Example: uptier simulate ./shop --customers 500 --seed 7
    """
    with readable_errors():
        import numpy as np

        from training.simulate.files import write
        from training.simulate.shop import simulate
        from training.simulate.spec import ShopSpec

        with err.status("simulating"):
            shop = simulate(ShopSpec(customers=customers, days=days, seed=seed), np.random.default_rng(seed))
            write(shop, output)
        document = {"folder": str(output), "customers": customers, "days": days, "seed": seed}
        say(document, f"a shop of {customers} customers over {days} days is in {output}", as_json=as_json)
