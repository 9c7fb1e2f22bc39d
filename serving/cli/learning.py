"""What the commands that train share: an installation to work in, one tenant's runs, and many tenants in processes of their own."""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from billing.db.scope import Scope
    from billing.db.session import Unit
    from features.runs.run import Run
    from models.registry.port import Registry
    from serving.wiring import Services
    from training.context import JobReport
    from training.runs.installation import Installation


def installation_of(wired: Services, dask: str = "") -> Installation:
    """This installation as training sees it; every process of it is an owner of its own. With `dask` trees grow over a cluster."""
    from features.erased.store import ErasureStore
    from training.runs.installation import Installation

    def erased(unit: Unit) -> frozenset[str]:
        return ErasureStore(unit).ids()

    return Installation(
        database=wired.database,
        home=wired.settings.home,
        open_registry=lambda who, guard: registry_of(wired, who, guard),
        clock=wired.clock.now,
        owner=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}",
        erased=erased,
        grow=_grower(dask) if dask else None,
    )


def _grower(address: str) -> Callable[..., Any]:
    from training.scale_out import Cluster

    return Cluster(address).grow


def registry_of(wired: Services, who: str, guard: Callable[[Unit], object] | None = None) -> Registry:
    """The registry whose moves are on record, mirrored to MLflow where it is switched on."""
    from serving.released import RecordedRegistry
    from training.registry import open_registry

    folder = open_registry(wired.settings.home, wired.settings.resolved_mlflow_uri)
    return RecordedRegistry(folder, wired.database, who, guard)


def drain_tenant(
    wired: Services,
    tenant_id: str,
    *,
    only: Collection[str] | None = None,
    said: Callable[[str, str], None] | None = None,
    dask: str = "",
) -> list[tuple[Run, JobReport | None]]:
    """Do what waits for a tenant, once the folder's champions are those on record."""
    from billing.db.scope import Scope
    from billing.tenants.store import TenantStore
    from features.runs.tasks import TASKS
    from serving.released import RecordedRegistry
    from training.runs.drain import drain

    scope = Scope(tenant_id)
    with wired.database.view(scope) as unit:
        tenant = TenantStore(unit).find(tenant_id)
    if tenant is None:
        return []
    registry = RecordedRegistry(wired.models.registry, wired.database, "settling")
    for task in TASKS:
        registry.settle(tenant_id, task)
    now = tenant.now(wired.clock.now())
    return drain(installation_of(wired, dask), scope, tenant_now=now, only=only, said=said)


def waiting_tenants(wired: Services) -> list[str]:
    """Tenants with runs that may begin, or go on, now."""
    from billing.db.scope import PLATFORM_SCOPE, Scope
    from billing.tenants.store import TenantStore
    from features.runs.store import RunStore

    with wired.database.view(PLATFORM_SCOPE) as unit:
        tenants = TenantStore(unit).all()
    found = []
    for tenant in tenants:
        with wired.database.view(Scope(tenant.id)) as unit:
            if RunStore(unit).waiting(wired.clock.now()):
                found.append(tenant.id)
    return found


def drain_many(tenant_ids: Sequence[str], workers: int) -> Iterator[list[dict[str, Any]]]:
    """Each tenant's runs, as documents, as they end; one process of one thread a worker, since threads share a core badly."""
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    with ProcessPoolExecutor(max(1, min(workers, len(tenant_ids))), mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(drain_in_process, tenant_id) for tenant_id in tenant_ids]):
            yield done.result()


def drain_in_process(tenant_id: str) -> list[dict[str, Any]]:
    """One tenant's runs in a process that has nothing yet but the environment."""
    from serving.cli.session import services

    wired = services()
    try:
        return [run_document(run) for run, _ in drain_tenant(wired, tenant_id)]
    finally:
        wired.database.close()


def scope_runs(wired: Services, scope: Scope, limit: int) -> list[Run]:
    """A tenant's newest runs."""
    from features.runs.store import RunStore

    with wired.database.view(scope) as unit:
        return RunStore(unit).recent(limit=limit)


def run_document(run: Run) -> dict[str, Any]:
    """A run as JSON values."""
    from serving.api.learned import training_run

    return training_run(run)
