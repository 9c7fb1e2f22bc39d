"""Puts the pages, the widget and their files onto the API's application, and opens the browser routes to shops' pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.web import assets, reference, shop, unsubscribe, welcome
from serving.web.admin import customers, experiments, invoices, overview, success, trained
from serving.web.cors import BrowserRoutes

if TYPE_CHECKING:
    from fastapi import FastAPI

    from serving.wiring import Services

_ROUTERS = (
    assets.router,
    welcome.router,
    reference.router,
    shop.router,
    unsubscribe.router,
    overview.router,
    customers.router,
    invoices.router,
    trained.router,
    experiments.router,
    success.router,
)


def install(app: FastAPI, services: Services) -> None:
    """Mount everything that people and browsers see; the pages read these services from the application's state."""
    app.state.services = services
    for router in _ROUTERS:
        app.include_router(router)
    app.add_middleware(BrowserRoutes)
