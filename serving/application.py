"""The application factory: routes, errors, limits and metrics around the services that wiring built."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import FastAPI

from serving.api import errors
from serving.api.limits import BodyLimit
from serving.api.routes import (
    access,
    auth_request,
    boxes,
    bundles,
    catalog,
    contact,
    coupons,
    credit_notes,
    customers,
    decisions,
    erasures,
    experiments,
    exports,
    feedback,
    health,
    holds,
    invoice_documents,
    invoices,
    limits,
    mailings,
    migrations,
    models,
    mrr,
    offer_policy,
    overrides,
    payments,
    pricing,
    purchases,
    recommendations,
    reports,
    segment_rules,
    segments,
    signals,
    subscriptions,
    success,
    tastes,
    taxes,
    tenants,
    test_clock,
    training_runs,
    transparency,
    usage,
    wallets,
    webhooks,
)
from serving.intake.group_commit import Intake, limits_of
from serving.ofrep.application import Ofrep
from serving.ofrep.evaluate import Evaluator
from serving.ofrep.streams import Streams
from serving.predict.desk import Desk
from serving.telemetry import LATENCY, REQUESTS
from serving.web import mount as pages

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from serving.wiring import Services

DESCRIPTION = "Personalization and upsell, with the gating, metering and billing engine under it."
ROUTERS = (
    health,
    tenants,
    test_clock,
    catalog,
    coupons,
    customers,
    contact,
    erasures,
    purchases,
    tastes,
    usage,
    access,
    auth_request,
    limits,
    holds,
    overrides,
    subscriptions,
    migrations,
    taxes,
    invoice_documents,  # before the invoices, whose ids match any name
    invoices,
    pricing,
    credit_notes,
    reports,
    payments,
    mrr,
    wallets,
    recommendations,
    bundles,
    boxes,
    decisions,
    offer_policy,
    experiments,
    success,
    signals,
    feedback,
    transparency,
    segment_rules,  # before the segments, whose keys match any name
    segments,
    exports,
    mailings,
    models,
    training_runs,
    webhooks,
)


def create_app(services: Services) -> FastAPI:
    """The ASGI application over these services."""
    app = FastAPI(title="Uptier", description=DESCRIPTION, version="0.1.0", docs_url=None, redoc_url=None)
    app.state.services = services
    if services.bus is not None:
        services.bus.listen(services.hearers)
    app.state.intake = Intake(services.database, limits_of(services.settings))
    app.state.desk = Desk(services)
    errors.install(app)
    for module in ROUTERS:
        app.include_router(module.router)
    pages.install(app, services)
    evaluator = Evaluator(services)
    app.state.streams = Streams(evaluator)
    app.add_middleware(Ofrep, evaluator=evaluator, streams=app.state.streams)
    app.add_middleware(BodyLimit, max_bytes=services.settings.max_body_bytes)
    app.add_middleware(Metrics)
    return app


class Metrics:
    """ASGI middleware: counts and times every answer by its route's pattern, never by its path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            REQUESTS.labels(route, str(status)).inc()
            LATENCY.labels(route).observe(time.perf_counter() - started)
