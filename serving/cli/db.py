"""`uptier db`: bring the database up to date, tell where it is, check that the books in it are whole, and archive months of events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.output import AsJson, readable_errors, say
from serving.cli.session import TenantOption, settings

if TYPE_CHECKING:
    from datetime import datetime

    from billing.metering.archive import ArchiveFile
    from billing.revenue.check.finding import Finding
    from billing.tenants.tenant import Tenant
    from serving.wiring import Services

app = typer.Typer(
    help="The database: 'uptier db upgrade' before the first start and after an update.", no_args_is_help=True
)


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Bring the database to the revision this program needs.

    Example: UPTIER_DATABASE_URL=postgresql+psycopg://owner@host/uptier uptier db upgrade
    """
    from billing.db.migrate import upgrade as run
    from billing.db.partitions import make_partitions, months_ahead
    from billing.kernel.clock import SystemClock

    with readable_errors():
        found = settings()
        found.home.mkdir(parents=True, exist_ok=True)
        revision = run(found.resolved_database_url)
        make_partitions(found.resolved_database_url, months_ahead(SystemClock().now()))
        say({"revision": revision}, f"database is at revision {revision}", as_json=as_json)


@app.command()
def current(as_json: AsJson = False) -> None:
    """Tell the revision the database has and the one that is needed.

    Example: uptier db current --json
    """
    from billing.db.migrate import head, present

    with readable_errors():
        found, needed = present(settings().resolved_database_url), head()
        say({"present": found, "needed": needed}, f"present {found or 'none'}, needed {needed}", as_json=as_json)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Check that the books of every tenant are whole; end with code 1 if anything is found.

    Example: uptier db check --json
    """
    from billing.db.scope import PLATFORM_SCOPE, Scope
    from billing.revenue.check.books import check_books
    from billing.revenue.check.registry import CHECKS
    from billing.tenants.store import TenantStore
    from serving.cli.output import progress_bar
    from serving.cli.session import services

    with readable_errors():
        database = services().database
        with database.view(PLATFORM_SCOPE) as unit:
            tenants = TenantStore(unit).all()
        found: list[tuple[str, Finding]] = []
        with progress_bar() as bar:
            task = bar.add_task("checking", total=len(tenants) * len(CHECKS))
            for tenant in tenants:
                with database.view(Scope(tenant.id)) as unit:
                    findings = check_books(unit, progress=lambda _: bar.advance(task))
                found += [(tenant.id, finding) for finding in findings]
        lines = [f"{tenant}: {finding.sentence} [{finding.code}]" for tenant, finding in found]
        lines.append(f"{len(tenants)} tenants checked, {len(found) or 'nothing'} found")
        say({"tenants": len(tenants), "findings": _documents(found)}, "\n".join(lines), as_json=as_json)
        if found:
            raise typer.Exit(1)


@app.command()
def archive(
    before: Annotated[
        str, typer.Option(help="The first month that stays, such as 2026-01; it may be the present one.")
    ],
    to: Annotated[
        Path | None, typer.Option(help="Folder of the files; 'archive' in the home folder if left out.")
    ] = None,
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Move months of usage events into Parquet files, one a tenant and month; usage is answered from them as before.

    It may be interrupted at any point and run again.

    Example: uptier db archive --before 2026-01 --to /srv/uptier/archive
    """
    from billing.db.partitions import drop_emptied, list_partitions
    from billing.db.scope import Scope
    from billing.metering.month import month_of, read_month
    from billing.metering.put_away import archivable, archive_month, check_over
    from serving.cli.output import progress_bar
    from serving.cli.session import services

    with readable_errors():
        wired, first_kept = services(), read_month(before)
        folder = to or wired.settings.home / "archive"
        check_over(first_kept, wired.clock.now())
        todo = [
            (each, month, now)
            for each, now in _tenants(wired, tenant)
            for month in archivable(wired.database, Scope(each.id), min(first_kept, month_of(now)), now=now)
        ]
        made: list[tuple[str, ArchiveFile]] = []
        with progress_bar() as bar:
            task = bar.add_task("archiving", total=len(todo))
            for each, month, now in todo:
                bar.update(task, description=f"{month:%Y-%m} of {each.id}")
                made.append((each.id, archive_month(wired.database, Scope(each.id), folder, month, now=now)))
                bar.advance(task)
        url = wired.settings.resolved_database_url
        past = [each.month for each in list_partitions(url) if each.month is not None and each.month < first_kept]
        dropped = [month for month in past if drop_emptied(url, month)]
        lines = [
            f"{who}: {file.month:%Y-%m} {file.rows} events, {file.bytes} bytes in {file.path}" for who, file in made
        ]
        lines.append(f"{len(made)} files written, {sum(file.rows for _, file in made)} events archived")
        document = {"files": _files(made), "partitions_dropped": [f"{month:%Y-%m}" for month in dropped]}
        say(document, "\n".join(lines), as_json=as_json)


@app.command()
def restore(
    month: Annotated[str, typer.Option(help="The month to bring back, such as 2025-11.")],
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Bring the events of an archived month back into the database; its files stay, and are used no more.

    Example: uptier db restore --month 2025-11
    """
    from billing.db.partitions import make_partitions
    from billing.db.scope import Scope
    from billing.metering.month import read_month
    from billing.metering.put_away import restore_month
    from serving.cli.output import progress_bar
    from serving.cli.session import services

    with readable_errors():
        wired, wanted = services(), read_month(month)
        tenants = _tenants(wired, tenant)
        make_partitions(wired.settings.resolved_database_url, [wanted])
        found: list[tuple[str, ArchiveFile]] = []
        with progress_bar() as bar:
            task = bar.add_task("restoring", total=len(tenants))
            for each, _ in tenants:
                found += [(each.id, file) for file in restore_month(wired.database, Scope(each.id), wanted)]
                bar.advance(task)
        rows = sum(file.rows for _, file in found)
        say({"files": _files(found), "events": rows}, f"{rows} events of {month} are back", as_json=as_json)


@app.command()
def partitions(
    ahead: Annotated[int, typer.Option(help="Months to make beyond the present one.", min=0, max=120)] = 3,
    as_json: AsJson = False,
) -> None:
    """Make the partitions of the coming months on PostgreSQL, and list those there are. The worker makes three ahead by itself.

    Example: uptier db partitions --ahead 12
    """
    from billing.db.partitions import list_partitions, make_partitions, months_ahead
    from serving.cli.session import services

    with readable_errors():
        wired = services()
        url = wired.settings.resolved_database_url
        made = make_partitions(url, months_ahead(wired.clock.now(), ahead))
        there = [
            {
                "month": f"{each.month:%Y-%m}" if each.month else "rest",
                "bytes": each.size_bytes,
                "events": each.events_about,
            }
            for each in list_partitions(url)
        ]
        failed = [{"month": f"{month:%Y-%m}", "reason": reason} for month, reason in made.failed]
        lines = [f"{each['month']}: about {each['events']} events, {each['bytes']} bytes" for each in there]
        lines += [f"{each['month']} was not made: {each['reason']}" for each in failed]
        lines = lines or ["this database has no partitions; it needs none"]
        document = {"made": [f"{month:%Y-%m}" for month in made.made], "partitions": there, "failed": failed}
        say(document, "\n".join(lines), as_json=as_json)
        if failed:
            raise typer.Exit(1)


def _tenants(wired: Services, asked: str | None) -> list[tuple[Tenant, datetime]]:
    """The tenant that was named, or all, each with the time it is there."""
    from billing.db.scope import PLATFORM_SCOPE
    from billing.tenants.store import TenantStore
    from serving.cli.session import tenant_of

    if asked is not None:
        found = [tenant_of(wired, asked)]
    else:
        with wired.database.view(PLATFORM_SCOPE) as unit:
            found = TenantStore(unit).all()
    return [(each, each.now(wired.clock.now())) for each in found]


def _files(found: list[tuple[str, ArchiveFile]]) -> list[dict[str, Any]]:
    return [
        {
            "tenant": tenant,
            "month": f"{file.month:%Y-%m}",
            "part": file.part,
            "path": file.path,
            "events": file.rows,
            "bytes": file.bytes,
            "sha256": file.sha256,
        }
        for tenant, file in found
    ]


def _documents(found: list[tuple[str, Finding]]) -> list[dict[str, Any]]:
    return [
        {
            "tenant": tenant,
            "code": finding.code,
            "detail": finding.sentence,
            "ids": list(finding.ids),
            "amounts": {
                name: {"amount": amount.text, "currency": amount.currency} for name, amount in finding.amounts.items()
            },
        }
        for tenant, finding in found
    ]
