"""`uptier tenants`: open a tenant and see which there are."""

from __future__ import annotations

from typing import Annotated

import typer

from serving.cli.output import AsJson, readable_errors, say
from serving.cli.session import services

app = typer.Typer(help="Tenants: the businesses on this installation.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The business's name.")],
    currency: Annotated[str, typer.Option(help="Its currency, ISO 4217.")] = "EUR",
    zone: Annotated[str, typer.Option(help="Its time zone, IANA.")] = "UTC",
    test: Annotated[bool, typer.Option("--test", help="Give it a test clock.")] = False,
    clock: Annotated[
        str | None, typer.Option(help="Where the test clock stands, such as 2026-01-31T09:00:00Z; now unless told.")
    ] = None,
    origin: Annotated[list[str] | None, typer.Option(help="Page origin that may use the publishable key.")] = None,
    as_json: AsJson = False,
) -> None:
    """Open a tenant; its two keys are printed this once.

    Example: uptier tenants create "Bean Street" --currency EUR --origin https://shop.example
    """
    from billing.kernel.clock import parse_instant
    from billing.kernel.errors import InvalidError
    from billing.tenants.create import open_tenant
    from billing.tenants.tenant import Mode

    with readable_errors():
        if clock is not None and not test:
            raise InvalidError("only a test tenant has a clock to set; add --test, or leave --clock out")
        frozen_at = parse_instant(clock) if clock else None
        wired = services()
        opened = open_tenant(
            wired.database,
            name=name,
            currency=currency,
            zone=zone,
            mode=Mode.TEST if test else Mode.LIVE,
            now=wired.clock.now(),
            frozen_at=frozen_at,
            origins=origin or (),
        )
        document = {
            "tenant": opened.tenant.id,
            "secret_key": opened.secret_key,
            "publishable_key": opened.publishable_key,
        }
        text = "\n".join(f"{label:16} {value}" for label, value in document.items())
        say(document, f"{text}\nKeep the secret key: it is not shown again.", as_json=as_json)


@app.command("list")
def list_tenants(as_json: AsJson = False) -> None:
    """Name every tenant.

    Example: uptier tenants list
    """
    from billing.db.scope import PLATFORM_SCOPE
    from billing.tenants.store import TenantStore

    with readable_errors():
        wired = services()
        with wired.database.view(PLATFORM_SCOPE) as unit:
            tenants = TenantStore(unit).all()
        rows = [{"id": tenant.id, "name": tenant.name, "mode": tenant.mode.value} for tenant in tenants]
        text = "\n".join(f"{row['id']}  {row['mode']:5} {row['name']}" for row in rows) or "no tenants yet"
        say({"tenants": rows}, text, as_json=as_json)
