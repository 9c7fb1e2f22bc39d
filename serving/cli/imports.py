"""`uptier import`: bring in purchases and usage from files. The same file twice changes nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from billing.kernel.errors import InvalidError
from serving.cli.output import AsJson, progress_bar, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

if TYPE_CHECKING:
    from billing.db.scope import Scope
    from serving.wiring import Services

app = typer.Typer(help="Imports: purchases and usage from files.", no_args_is_help=True)
_SHOWN_REJECTIONS = 5


@app.command()
def purchases(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet.")],
    column_map: Annotated[
        list[str] | None, typer.Option("--map", help="Our name=your column, such as customer=CustomerID; repeatable.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Currency of the prices; the tenant's unless told.")] = None,
    zone: Annotated[str, typer.Option(help="Time zone of times without one.")] = "UTC",
    date_order: Annotated[
        str | None, typer.Option(help="How 03/04/2025 reads, where the file leaves it open: dmy or mdy.")
    ] = None,
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
            wired,
            scope,
            file,
            column_map or [],
            currency=currency,
            default_currency=found.currency,
            zone=zone,
            date_order=date_order,
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
    date_order: str | None = None,
) -> dict[str, Any]:
    """Read, clean and record a purchase file with progress; what the demo and the command share."""
    from billing.purchases.cleaning import clean
    from billing.purchases.layout import parse_map
    from billing.purchases.reading import read_purchases
    from billing.purchases.record import record_history
    from billing.purchases.text_values import DateOrder

    if date_order is not None and date_order not in {order.value for order in DateOrder}:
        raise InvalidError("the date order is dmy or mdy", date_order=date_order)

    with progress_bar() as bar:
        line = bar.add_task(f"reading {file.name}", total=None)
        read = read_purchases(
            file, columns=parse_map(column_map), zone=zone, date_order=DateOrder(date_order) if date_order else None
        )
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
        + "".join(
            f"\n  for example {reason.replace('_', ' ')}, line {row['line']}: {row['text']}"
            for reason, rows in document["examples"].items()
            for row in rows[:1]
        )
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
        from billing.metering.usage_file import import_usage

        with progress_bar() as bar:
            line = bar.add_task("recording usage", total=None)
            report = import_usage(wired.database, scope, file, now=now, progress=lambda done: bar.advance(line, done))
        document = {"file": file.name, **asdict(report)}
        rejected = "\n".join(
            f"  line {item['line']}: {item['detail']}" for item in document["rejected"][:_SHOWN_REJECTIONS]
        )
        more = len(document["rejected"]) - _SHOWN_REJECTIONS
        text = (
            f"{document['accepted']:,} accepted, {document['duplicates']:,} known before, "
            f"{len(document['rejected']):,} rejected\n{rejected}" + (f"\n  and {more} more" if more > 0 else "")
        )
        say(document, text.rstrip(), as_json=as_json)
