"""`uptier`: the entry point. Groups are light; what is heavy is imported by the command that needs it."""

from __future__ import annotations

import os

import typer

from serving.cli import (
    bench,
    boxes,
    customers,
    db,
    demo,
    experiments,
    exports,
    features,
    imports,
    models,
    offers,
    segments,
    serve,
    simulate,
    tenants,
    train,
)

app = typer.Typer(
    name="uptier",
    help="Personalization and upsell, with the gating, metering and billing engine under it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve.serve)
app.command("work")(serve.work)
app.command("demo")(demo.demo)
app.command("simulate")(simulate.simulate_shop)
app.add_typer(train.app, name="train")
app.add_typer(db.app, name="db")
app.add_typer(tenants.app, name="tenants")
app.add_typer(imports.app, name="import")
app.add_typer(models.app, name="models")
app.add_typer(bench.app, name="bench")
app.add_typer(exports.app, name="export")
app.add_typer(segments.app, name="segments")
app.add_typer(features.app, name="features")
app.add_typer(experiments.app, name="experiments")
app.add_typer(customers.app, name="customers")
app.add_typer(boxes.app, name="boxes")
app.add_typer(offers.app, name="offers")


def main() -> None:
    """Run the command line with one thread a numerical library: two on a shared core are slower than one."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    app()
