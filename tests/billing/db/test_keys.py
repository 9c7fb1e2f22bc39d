"""The catalogue's guard: in the declared tables the tenant leads every key, so that no key can reach over to another tenant."""

from __future__ import annotations

import pytest
from sqlalchemy import ForeignKeyConstraint, Table, UniqueConstraint

from billing.db.base import TenantRow
from tests.billing.db.every_table import metadata

ROOT = "tenants"
REACH_BY_ANOTHER = {
    "events"
}  # each has a customer, whose key holds the tenant and points there: once is enough on the hottest path
TABLES = [table for table in metadata().sorted_tables if table.name != ROOT]


def test_every_table_but_the_list_of_tenants_has_a_tenant() -> None:
    """And each of them is mapped as a row of a tenant, which is what the session's criteria follow."""
    mapped = {
        mapper.local_table
        for base in [TenantRow]
        for mapper in base.registry.mappers
        if issubclass(mapper.class_, base)
    }

    assert len(TABLES) > 20
    assert mapped == set(TABLES)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_tenant_leads_every_key(table: Table) -> None:
    """The primary key begins with the tenant; unique and foreign keys include it; it points at the list of tenants."""
    foreign = [found for found in table.constraints if isinstance(found, ForeignKeyConstraint)]
    composite = [found for found in foreign if found.referred_table.name != ROOT]

    assert next(iter(table.primary_key)).name == "tenant_id"
    for unique in table.constraints:
        assert not isinstance(unique, UniqueConstraint) or "tenant_id" in unique.columns, unique.name
    for index in table.indexes:
        assert not index.unique or "tenant_id" in index.columns, index.name
    direct = [found.column_keys for found in foreign if found.referred_table.name == ROOT]
    assert direct == [["tenant_id"]] or (table.name in REACH_BY_ANOTHER and not direct and composite)
    for found in composite:
        pairs = {(element.parent.name, element.column.name) for element in found.elements}
        assert ("tenant_id", "tenant_id") in pairs, found.name
