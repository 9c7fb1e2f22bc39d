"""The declarative base: names of constraints, and the tenant column that every table of a tenant's data carries in its primary key."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from billing.db.columns import ExactDecimal, Instant

ID = String(40)
KEY = String(200)


class Base(DeclarativeBase):
    """All rows. Constraint names follow one rule, so that migrations can name what they change."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Instant,
        Decimal: ExactDecimal,
        int: BigInteger,
        str: String(500),
    }


class TenantRow(Base):
    """A row of one tenant: the tenant is the first column of its primary key and of every unique or foreign key."""

    __abstract__ = True

    tenant_id: Mapped[str] = mapped_column(ID, ForeignKey("tenants.id"), primary_key=True, sort_order=-1)


def same_tenant(column: str, target: type[TenantRow]) -> ForeignKeyConstraint:
    """A foreign key that cannot point at another tenant's row: (tenant_id, column) -> target(tenant_id, id)."""
    return ForeignKeyConstraint(
        ["tenant_id", column], [f"{target.__tablename__}.tenant_id", f"{target.__tablename__}.id"]
    )
