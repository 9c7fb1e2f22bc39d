"""`uptier features`: what the views are, and whether what was served is what training computes."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.output import AsJson, err, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

if TYPE_CHECKING:
    from features.engine import FeatureEngine

app = typer.Typer(
    help="Features: the catalogue, a file of everybody's, and the check of what was served.", no_args_is_help=True
)


class Engine(Enum):
    """What computes features."""

    DUCKDB = "duckdb"
    SPARK = "spark"


@app.command("list")
def list_views(as_json: AsJson = False) -> None:
    """Every feature view with what it is made of and who owns it.

    Example: uptier features list --json
    """
    with readable_errors():
        from features.catalog import VIEWS
        from features.view import FeatureView

        rows = [
            {
                "name": view.name,
                "dtype": view.dtype,
                "owner": view.owner,
                "description": view.description,
                "source": view.source.value if isinstance(view, FeatureView) else "derived",
            }
            for view in VIEWS
        ]
        text = "\n".join(f"{row['name']:30} {row['dtype']:8} {row['source']:14} {row['description']}" for row in rows)
        say({"views": rows}, text, as_json=as_json)


@app.command()
def compute(
    output: Annotated[Path, typer.Option(help="Parquet file to write.")],
    as_of: Annotated[
        datetime | None, typer.Option(help="Moment (UTC) that the features are of; now when left out.")
    ] = None,
    feature_set: Annotated[
        str, typer.Option("--set", help="A named set such as churn; every view when left out.")
    ] = "",
    engine: Annotated[
        Engine, typer.Option(help="What computes; 'spark' needs the extra 'scale' and Java.")
    ] = Engine.DUCKDB,
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Write everybody's features as of a moment, from what was known by then: a row for each customer id.

    Example: uptier features compute --as-of 2026-03-01 --set churn --output churn.parquet
    """
    with readable_errors():
        import pyarrow.parquet as pq

        from features.catalog import FEATURE_SETS, VIEWS, views_named
        from features.materialise import materialise

        if feature_set and feature_set not in FEATURE_SETS:
            raise typer.BadParameter(f"there is no set {feature_set!r}; there are {', '.join(sorted(FEATURE_SETS))}")
        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        moment = now if as_of is None else as_of.replace(tzinfo=as_of.tzinfo or UTC)
        views = views_named(FEATURE_SETS[feature_set]) if feature_set else VIEWS
        with err.status(f"computing on {engine.value}"), wired.database.view(scope) as unit:
            found = materialise(unit, views, moment, _engine(engine))
        pq.write_table(found, output, compression="zstd")
        document = {"customers": found.num_rows, "views": len(views), "as_of": moment.isoformat(), "file": str(output)}
        say(document, f"{len(views)} features of {found.num_rows} customers written to {output}", as_json=as_json)


def _engine(engine: Engine) -> FeatureEngine:
    if engine is Engine.SPARK:
        from features.spark_engine import SparkEngine

        return SparkEngine()
    from features.duckdb_engine import DuckDBEngine

    return DuckDBEngine()


@app.command()
def verify(
    tenant: TenantOption = None,
    sample: Annotated[int, typer.Option(help="How many served vectors to compute again.", min=1, max=20_000)] = 200,
    as_json: AsJson = False,
) -> None:
    """Compute a sample of served vectors again, as of when they were served; ends with 1 when one of them differs.

    Example: uptier features verify --sample 1000
    """
    with readable_errors():
        from features.served.verify import require_same, verify_served

        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        check = verify_served(wired.database, scope, now=now, sample=sample)
        document = {"check": check.id, "sampled": check.sampled, "differing": check.differing, "details": check.details}
        text = (
            f"{check.sampled - check.differing} of {check.sampled} served vectors are what is computed now as of then"
        )
        say(document, text, as_json=as_json)
        for each in check.details[:10]:
            err.print(f"  {each['surface']} {each['name']}: served {each['served']}, now {each['now']}", markup=False)
        require_same(check)
