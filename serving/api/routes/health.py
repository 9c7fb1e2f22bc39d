"""Whether the server lives, whether it can serve, and its metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from billing.db.migrate import head, present
from billing.db.scope import PLATFORM_SCOPE
from billing.tenants.store import TenantStore
from serving.telemetry import REGISTRY

router = APIRouter(tags=["operation"])


@router.get("/health/live")
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/health/ready")
def ready(request: Request) -> JSONResponse:
    """The database answers and has the revision this program needs."""
    services = request.app.state.services
    found = present(services.settings.resolved_database_url)
    with services.database.view(PLATFORM_SCOPE) as unit:
        TenantStore(unit).find("none")
    is_ready = found == head()
    body = {"status": "ready" if is_ready else "migrate", "revision": found, "needs": head()}
    return JSONResponse(body, status_code=200 if is_ready else 503)


@router.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    """Prometheus metrics of this process."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
