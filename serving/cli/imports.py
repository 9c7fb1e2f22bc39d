"""`uptier import`: bring in purchases and usage from files. The same file twice changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.output import AsJson, progress_bar, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.scope import Scope
    from serving.wiring import Services

app = typer.Typer(help="Imports: purchases and usage from files.", no_args_is_help=True)
_EVENTS_A_BATCH = 2000
_SHOWN_REJECTIONS = 5


@app.command()
def purchases(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet.")],
    column_map: Annotated[
        list[str] | None, typer.Option("--map", help="Our name=your column, such as customer=CustomerID; repeatable.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Currency of the prices; the tenant's unless told.")] = None,
    zone: Annotated[str, typer.Option(help="Time zone of times without one.")] = "UTC",
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Import purchase lines; says what was skipped and why, and the counts add up to the file.

    Example: uptier import purchases orders.csv --map customer=client_no --map at=ordered_on
    """
    with readable_errors():
        wired = services()
        scope, found, _ = scope_and_now(wired, tenant)
        document = import_purchases(
            wired, scope, file, column_map or [], currency=currency, default_currency=found.currency, zone=zone
        )
        say(document, purchases_text(document), as_json=as_json)


def import_purchases(
    wired: Services,
    scope: Scope,
    file: Path,
    column_map: list[str],
    *,
    currency: str | None,
    default_currency: str,
    zone: str = "UTC",
) -> dict[str, Any]:
    """Read, clean and record a purchase file with progress; what the demo and the command share."""
    from billing.purchases.cleaning import clean
    from billing.purchases.layout import parse_map
    from billing.purchases.reading import read_purchases
    from billing.purchases.record import record_history

    with progress_bar() as bar:
        line = bar.add_task(f"reading {file.name}", total=None)
        read = read_purchases(file, columns=parse_map(column_map), zone=zone)
        bar.update(line, description="cleaning")
        cleaned = clean(read, currency=currency or read.currency or default_currency)
        lines = cleaned.lines
        bar.update(line, description="recording purchases", total=len(lines))
        recorded = record_history(wired.database, scope, lines.batches(), progress=lambda done: bar.advance(line, done))
    return {
        "file": file.name,
        "layout": read.layout.value,
        **cleaned.report.to_document(),
        "stored": recorded.stored,
        "known": recorded.known,
    }


def purchases_text(document: dict[str, Any]) -> str:
    """The report for people: the counts add up to the file's lines."""
    skipped = "\n".join(f"  {count:>9,} {reason.replace('_', ' ')}" for reason, count in document["skipped"].items())
    return (
        f"{document['file']} ({document['layout']}): {document['total']:,} lines\n"
        f"  {document['kept']:>9,} kept ({document['stored']:,} new, {document['known']:,} known before)\n"
        f"{skipped}\n"
        f"  {document['netted']:,} of the kept lines were reduced by later returns"
    )


@app.command()
def usage(
    file: Annotated[Path, typer.Argument(help="JSON lines: one event a line (id, type, customer, time, data).")],
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Import usage events; a bad line is reported with its number and the rest is kept.

    Example: uptier import usage events.jsonl
    """
    with readable_errors():
        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        document = import_usage(wired, scope, file, now=now)
        rejected = "\n".join(
            f"  line {item['line']}: {item['detail']}" for item in document["rejected"][:_SHOWN_REJECTIONS]
        )
        more = len(document["rejected"]) - _SHOWN_REJECTIONS
        text = (
            f"{document['accepted']:,} accepted, {document['duplicates']:,} known before, "
            f"{len(document['rejected']):,} rejected\n{rejected}" + (f"\n  and {more} more" if more > 0 else "")
        )
        say(document, text.rstrip(), as_json=as_json)


def import_usage(wired: Services, scope: Scope, file: Path, *, now: Any) -> dict[str, Any]:
    """Record a file of events with progress; each counts as known when it happened."""
    from billing.metering.ingest import ingest

    totals: dict[str, Any] = {"file": file.name, "accepted": 0, "duplicates": 0, "rejected": []}
    with progress_bar() as bar:
        line = bar.add_task("recording usage", total=None)
        for first, documents in _batches(file):
            with wired.database.unit(scope) as unit:
                receipt = ingest(unit, documents, now=now, is_history=True)
            totals["accepted"] += receipt.accepted
            totals["duplicates"] += receipt.duplicates
            totals["rejected"] += [
                {"line": first + item.index, "id": item.id, "code": item.code, "detail": item.detail}
                for item in receipt.rejected
            ]
            bar.advance(line, len(documents))
    return totals


def _batches(file: Path) -> Iterator[tuple[int, list[object]]]:
    """(number of the first line, documents) of each batch; a line that is no JSON stays in, to be rejected by number."""
    import orjson

    with file.open("rb") as handle:
        documents: list[object] = []
        first = 1
        for number, text in enumerate(handle, start=1):
            try:
                documents.append(orjson.loads(text))
            except orjson.JSONDecodeError:
                documents.append(None)
            if len(documents) == _EVENTS_A_BATCH:
                yield first, documents
                documents, first = [], number + 1
        if documents:
            yield first, documents
