"""A worker in a process of its own, which says each step on its output and may stop dead at one: what a test kills.

Usage: python -m tests.training.runs.worker_process URL HOME TENANT RUN OWNER SECONDS [STOP_AT]
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from billing.db.scope import Scope
from billing.db.session import Database
from billing.tenants.store import TenantStore
from models.registry.folder import FolderRegistry
from tests.shop import START
from training.runs.installation import Installation
from training.runs.work import Shelf, carry_out

LIFE = timedelta(seconds=60)


def main(  # noqa: PLR0917 (the words of a command)
    url: str, home: str, tenant_id: str, run_id: str, owner: str, seconds: str, stop_at: str = ""
) -> None:
    """Carry the run out at so many seconds after the tests' beginning of time."""
    database, scope = Database(url), Scope(tenant_id)
    clock = START + timedelta(seconds=int(seconds))

    def said(_task: str, words: str) -> None:
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()
        if stop_at and words.startswith(stop_at):
            sys.stdin.read()  # until the end of the world, or of this process

    with database.view(scope) as unit:
        tenant = TenantStore(unit).find(tenant_id)
    assert tenant is not None
    ended, _ = carry_out(
        Installation(
            database=database,
            home=Path(home),
            open_registry=lambda _who, _guard: FolderRegistry(Path(home) / "models"),
            clock=lambda: clock,
            owner=owner,
            life=LIFE,
            pace_seconds=0,
        ),
        scope,
        run_id,
        tenant_now=tenant.now(clock),
        shelf=Shelf(),
        said=said,
    )
    sys.stdout.write(f"ended {ended.state.value}\n")
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
