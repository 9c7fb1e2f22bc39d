"""`uptier experiments`: what there is, what one shows, and its report as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from serving.cli.output import AsJson, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

app = typer.Typer(help="Experiments: what runs, what one shows, and its report.", no_args_is_help=True)
Key = Annotated[str, typer.Argument(help="The experiment's key.")]
Version = Annotated[int | None, typer.Option(help="Which run of it; the newest when left out.", min=1)]


@app.command("list")
def list_experiments(tenant: TenantOption = None, as_json: AsJson = False) -> None:
    """Every experiment, newest first, with how many it has seen.

    Example: uptier experiments list
    """
    with readable_errors():
        from features.experiments.exposures_store import ExposureStore
        from features.experiments.store import ExperimentStore

        wired = services()
        scope, _, _ = scope_and_now(wired, tenant)
        with wired.database.view(scope) as unit:
            rows: list[dict[str, Any]] = [
                {
                    "experiment": each.run,
                    "name": each.name,
                    "status": each.status.value,
                    "units": ExposureStore(unit).counts(each.run),
                }
                for each in ExperimentStore(unit).all()
            ]
        lines = [f"{row['experiment']:24} {row['status']:10} {_units(row['units'])}" for row in rows]
        say({"items": rows}, "\n".join(lines) or "none yet; POST /v1/experiments writes one down", as_json=as_json)


@app.command()
def show(key: Key, version: Version = None, tenant: TenantOption = None, as_json: AsJson = False) -> None:
    """What an experiment shows so far: its verdict, and its figures once they may be read.

    Example: uptier experiments show prices
    """
    with readable_errors():
        document = _document(key, version, tenant)
        say(document, "\n".join(_lines(document)), as_json=as_json)


@app.command()
def report(
    key: Key,
    html: Annotated[Path | None, typer.Option(help="Write it as one HTML file that needs nothing else.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write its figures as CSV.")] = None,
    version: Version = None,
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Write an experiment's report into files; with --json it is printed as a document.

    Example: uptier experiments report prices --html prices.html
    """
    with readable_errors():
        from serving.experiments.page_file import self_contained
        from serving.experiments.rows import to_csv

        document = _document(key, version, tenant)
        written = []
        for path, text in ((html, self_contained), (csv, to_csv)):
            if path is not None:
                path.write_text(text(document), encoding="utf-8")
                written.append(str(path))
        done = f"wrote {', '.join(written)}" if written else "\n".join(_lines(document))
        say(document, done, as_json=as_json)


def _document(key: str, version: int | None, tenant: str | None) -> dict[str, Any]:
    from features.experiments.store import ExperimentStore
    from serving.experiments.gather import report_of

    wired = services()
    scope, _, now = scope_and_now(wired, tenant)
    with wired.database.view(scope) as unit:
        return report_of(unit, ExperimentStore(unit).get(key, version), now=now)


def _lines(document: dict[str, Any]) -> list[str]:
    lines = [f"{document['name']} ({document['status']}): {document['sentence']}", _units(document["units"])]
    for metric in document.get("metrics", ()):
        for arm in metric["arms"]:
            said = f"{arm['lift']:+.1%} ({arm['low']:+.1%} to {arm['high']:+.1%})" if "lift" in arm else arm["why"]
            lines.append(f"{metric['key']:24} {arm['arm']:16} {said}")
    for arm in document.get("read_out", ()):
        said = f"{arm['mean']:.4f} ({arm['low']:.4f} to {arm['high']:.4f})" if "mean" in arm else arm.get("why", "")
        lines.append(f"{document['primary']:24} {arm['arm']:16} {said}")
    return lines


def _units(units: dict[str, int]) -> str:
    return ", ".join(f"{arm} {count:,}" for arm, count in units.items()) or "nobody yet"
