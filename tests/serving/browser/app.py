"""The application for a real server process: `uvicorn --factory tests.serving.browser.app:create`, over the home that UPTIER_HOME names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.application import create_app
from serving.settings import Settings
from serving.wiring import build

if TYPE_CHECKING:
    from fastapi import FastAPI


def create() -> FastAPI:
    """The application as `uptier serve` builds it."""
    return create_app(build(Settings()))
