"""The twin keeps the contract."""

from __future__ import annotations

import pytest

from models.registry.memory import MemoryRegistry
from tests.models.registry.contract import RegistryContract


class TestMemoryRegistry(RegistryContract):
    """The suite over memory."""

    @pytest.fixture
    def registry(self) -> MemoryRegistry:
        """An empty registry."""
        return MemoryRegistry()
