"""`uptier customers`: erasing one, with the files that training left behind."""

from __future__ import annotations

from typing import Annotated

import typer

from serving.cli.output import AsJson, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

app = typer.Typer(help="Customers: erasing one.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `customers` a group while it has one command."""


@app.command()
def erase(
    key: Annotated[str, typer.Argument(help="The customer's key or id.")],
    tenant: TenantOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; it cannot be taken back.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a customer everywhere: name, purchases, features, scores, decisions and training snapshots. Issued invoices stay.

    Refused while a subscription runs, an invoice is open or a wallet holds money. Models forget when they are next trained.

    Example: uptier customers erase ann@example.org --yes
    """
    with readable_errors():
        from features.erased.store import ErasureStore
        from features.privacy.erase import erase_customer
        from training.snapshots import purge

        wired = services()
        scope, owner, now = scope_and_now(wired, tenant)
        if not yes:
            typer.confirm(f"Erase {key} of {owner.name}? This cannot be taken back.", abort=True, err=True)
        with wired.database.unit(scope) as unit:
            found = erase_customer(unit, key, now=now)
        with wired.database.view(scope) as unit:
            erased = ErasureStore(unit).ids()
        rows = purge(wired.settings.home, scope.tenant_id, erased)
        removed = ", ".join(f"{count} {table}" for table, count in sorted(found.done["removed"].items()) if count)
        document = {"customer": found.customer_id, "done": found.done, "snapshot_rows": rows}
        text = f"erased {found.customer_id}: {removed or 'no rows'} removed, {rows} rows of training snapshots; issued invoices are kept"
        say(document, text, as_json=as_json)
