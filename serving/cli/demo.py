"""`uptier demo`: a whole shop from nothing: database, catalogue, history, bills, models, server."""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from billing.kernel.errors import ConflictError
from features.runs.tasks import TASKS
from serving.cli.output import out, progress_bar, readable_errors
from serving.cli.serve import require_free
from serving.cli.session import scope_and_now
from serving.cli.train import table, train_tenant

if TYPE_CHECKING:
    from serving.demo.shopfront import Demo
    from serving.settings import Settings
    from serving.wiring import Services

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOKED_AT = 500
_LATELY = timedelta(days=60)
_WEEKS = 5
"""How long the simulated shop is lived in, with offers seen and answered."""


def demo(
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 8000,
    data: Annotated[
        Path | None, typer.Option(help="A purchase file (CSV or Parquet) instead of the simulated shop.")
    ] = None,
    customers: Annotated[int, typer.Option(help="Customers of the simulated shop.", min=50, max=20_000)] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the simulated shop.")] = 7,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Throw the earlier demonstration away and build it anew.")
    ] = False,
    build_only: Annotated[bool, typer.Option("--build-only", help="Build the shop and end, without serving.")] = False,
) -> None:
    """Build a demonstration shop and serve it until interrupted.

    Example: uptier demo --port 8080 --data online_retail.parquet
    """
    with readable_errors():
        if not build_only:
            require_free(port, f"choose another, as in 'make demo PORT={port + 1}'")
        settings = _settings(data, fresh=fresh)
        wired, found = _ready(settings, data, customers=customers, seed=seed, port=port)
        if not build_only:
            _serve(wired, found, port)


def _settings(data: Path | None, *, fresh: bool) -> Settings:
    from serving.settings import Settings

    base = Settings()
    home = base.home / ("demo" if data is None else f"demo-{data.stem}")
    if fresh and home.exists():
        shutil.rmtree(home)
    return base.model_copy(update={"home": home, "database_url": ""})


def _ready(settings: Settings, data: Path | None, *, customers: int, seed: int, port: int) -> tuple[Services, Demo]:
    from billing.db.migrate import upgrade
    from serving.demo import shopfront
    from serving.wiring import build

    origins = [f"http://127.0.0.1:{port}", f"http://localhost:{port}"]
    known = shopfront.read(settings.home)
    if known is not None:
        out.print(f"the shop of an earlier run is still there ({settings.home}); --fresh builds it anew")
        upgrade(settings.resolved_database_url)
        wired = build(settings)
        shopfront.allow_origins(wired, known, origins)
        return wired, known
    if settings.home.exists():
        shutil.rmtree(settings.home)  # an earlier run was interrupted half-way
    settings.home.mkdir(parents=True)
    upgrade(settings.resolved_database_url)
    wired = build(settings)
    built = (
        _simulated(wired, customers=customers, seed=seed, origins=origins)
        if data is None
        else _real(wired, data, origins=origins)
    )
    out.print(f"[bold]Training[/bold]: {', '.join(TASKS)}", soft_wrap=True)
    out.print(table(train_tenant(wired, built.tenant_id, [])), soft_wrap=True)
    shown = _customer_to_show(wired, built, scope_and_now(wired, built.tenant_id)[2])
    finished = replace(built, customer=shown, source=data.name if data else "simulated")
    shopfront.write(settings.home, finished)
    return wired, finished


def _real(wired: Services, data: Path, *, origins: list[str]) -> Demo:
    from billing.purchases.store import PurchaseStore
    from billing.tenants.store import TenantStore
    from serving.cli.imports import import_purchases, purchases_text
    from serving.demo import shopfront
    from serving.demo.members import replay, settle
    from serving.demo.retail import memberships, orders_of, record_deliveries

    out.print(f"[bold]Importing[/bold] {data.name}")
    currency = "GBP"
    built = shopfront.open_demo(
        wired, name="Real purchases", currency=currency, opened_at=_EPOCH, now=_EPOCH, origins=origins
    )
    document = import_purchases(wired, built.scope, data, [], currency=None, default_currency=currency)
    out.print(purchases_text(document), markup=False, soft_wrap=True)
    with wired.database.unit(built.scope) as unit:
        bounds = PurchaseStore(unit).bounds()
        if bounds is None:
            raise ConflictError(f"{data.name} holds no purchase that could be kept; nothing to demonstrate")
        now = bounds[1] + timedelta(hours=1)
        TenantStore(unit).set_clock(built.tenant_id, now)
    orders = orders_of(wired.database, built.scope, now)
    with progress_bar() as bar:
        line = bar.add_task("deliveries", total=sum(len(baskets) for baskets in orders.values()))
        record_deliveries(wired.database, built.scope, orders, now=now, progress=lambda n: bar.advance(line, n))
        steps = memberships(orders, now=now)
        line = bar.add_task("memberships", total=len(steps))
        replay(wired.database, built.scope, steps, progress=lambda n: bar.advance(line, n))
        line = bar.add_task("billing", total=None)
        settle(
            wired.database,
            built.scope,
            now=now,
            progress=lambda done, total: bar.update(line, completed=done, total=total),
        )
    return built


def _simulated(wired: Services, *, customers: int, seed: int, origins: list[str]) -> Demo:
    from serving.demo.simulated import build_simulated

    with progress_bar() as bar:
        lines: dict[str, Any] = {}

        def tell(words: str, done: int, total: int | None) -> None:
            line = lines.setdefault(words, bar.add_task(words, total=total)) if words not in lines else lines[words]
            bar.update(line, advance=done, total=total)

        return build_simulated(wired, customers=customers, seed=seed, origins=origins, tell=tell, weeks=_WEEKS)


def _customer_to_show(wired: Services, built: Demo, now: datetime) -> str:
    """A member below the top plan who would see an offer: close to a limit and not shown one lately, else any member, else anybody."""
    from billing.customers.store import CustomerStore
    from billing.subscriptions.store import SubscriptionStore
    from features.decisions.showing_store import ShowingStore
    from models.offers.holdout import is_held_out
    from models.offers.rules.limit_near import THRESHOLD
    from serving.predict.signals import limits_of

    share = wired.settings.holdout_per_ten_thousand
    with wired.database.view(built.scope) as unit:
        subscribed = [each for each in SubscriptionStore(unit).page(limit=_LOOKED_AT).items if each.is_running]
        known = CustomerStore(unit).by_ids(each.customer_id for each in subscribed)
        shown = ShowingStore(unit).of_customers(list(known), now - _LATELY)
        members = [
            known[each.customer_id]
            for each in subscribed
            if each.plan_key != "pro"
            and each.customer_id not in shown
            and not is_held_out(built.tenant_id, known[each.customer_id].key, share=share)
        ]
        for member in members:
            if any(use.ratio >= THRESHOLD for use in limits_of(unit, member.id, now=now)):
                return member.key
        anybody = members or list(CustomerStore(unit).page(limit=1).items)
        return anybody[0].key if anybody else ""


def _serve(wired: Services, found: Demo, port: int) -> None:
    import uvicorn

    from serving.application import create_app
    from serving.logs import configure
    from serving.ofrep.server import StreamingServer

    configure()

    class Announcing(StreamingServer):
        """A server that says where it is once it listens."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                _announce(found, port)

    app = create_app(wired)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
    Announcing(config, app.state.streams).run()
    out.print("stopped")


def _announce(found: Demo, port: int) -> None:
    base = f"http://127.0.0.1:{port}"
    key, customer = found.secret_key, found.customer
    bearer = f"-H 'Authorization: Bearer {key}'"
    check = json.dumps({"customer": customer, "feature": "early_access"})
    ask = json.dumps({"customer": customer, "placement": "home"})
    out.print()
    out.print(f"[bold]The shop is open[/bold] (data: {found.source})")
    out.print(f"  storefront  {base}/shop")
    out.print(f"  operator    {base}/admin")
    out.print(f"  API docs    {base}/docs")
    out.print("Try it from another terminal:")
    print(f"curl -s {bearer} '{base}/v1/recommendations?customer={customer}&k=3'")
    print(f"curl -s {bearer} -H 'Content-Type: application/json' -d '{check}' {base}/v1/access/check")
    print(f"curl -s {bearer} -H 'Content-Type: application/json' -d '{ask}' {base}/v1/decisions", flush=True)
    out.print("Ctrl-C stops it.")
