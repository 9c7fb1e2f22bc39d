"""Keys: minted once, stored only as a hash, and good for exactly one tenant and kind until they are revoked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from billing.db.scope import Scope
from billing.kernel.errors import Kind
from billing.kernel.ids import new_id
from billing.tenants.authenticate import authenticate
from billing.tenants.create import Opened, add_key, open_tenant
from billing.tenants.keys import ApiKey, BadKeyError, KeyKind, digest, matches, mint, tenant_of
from billing.tenants.store import TenantStore
from billing.tenants.tenant import Mode

if TYPE_CHECKING:
    from billing.db.session import Database

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)

kinds = st.sampled_from(KeyKind)
nearly_keys = st.builds(
    "_".join, st.lists(st.sampled_from(["upt", "sk", "pk", "", "ten", "a"]) | st.text(max_size=40), max_size=6)
)


def _open(database: Database, name: str = "Bean Street") -> Opened:
    return open_tenant(
        database, name=name, currency="EUR", zone="UTC", mode=Mode.LIVE, now=NOW, origins=["https://bean.example"]
    )


def _stored(secret: str, kind: KeyKind, revoked_at: datetime | None = None) -> ApiKey:
    return ApiKey(
        id="key_1",
        kind=kind,
        digest=digest(secret),
        hint=secret[-4:],
        origins=(),
        created_at=NOW,
        revoked_at=revoked_at,
    )


@given(kinds)
def test_a_minted_key_names_its_tenant_and_kind(kind: KeyKind) -> None:
    """And only its hash and last four characters are there to be kept."""
    tenant_id = new_id("ten")

    minted = mint(kind, tenant_id)

    assert tenant_of(minted.secret) == (tenant_id, kind)
    assert minted.digest == digest(minted.secret)
    assert minted.secret.endswith(minted.hint)
    assert len(minted.hint) == 4
    assert minted.secret not in minted.digest


@given(kinds)
def test_a_key_matches_itself_until_it_is_revoked(kind: KeyKind) -> None:
    """And no other key of the same tenant."""
    tenant_id = new_id("ten")
    secret, other = mint(kind, tenant_id).secret, mint(kind, tenant_id).secret
    key = _stored(secret, kind)

    assert secret != other
    assert matches(key, secret)
    assert not matches(key, other)
    assert not matches(key, secret[:-1])
    assert not matches(replace(key, revoked_at=NOW), secret)


@given(nearly_keys)
@example("upt_sk_a\x00b_c")
@example("upt_sk_\ud800_c")
@example("upt_sk_a_\ud800")
@example("upt_sk_" + "a" * 31 + "_c")
def test_what_is_no_key_is_refused_in_one_way(presented: str) -> None:
    """Whatever its shape; what passes names a tenant by plain letters and digits, which any engine can look up."""
    try:
        tenant_id, _ = tenant_of(presented)
    except BadKeyError as error:
        assert error.kind is Kind.UNAUTHORIZED  # noqa: PT017 (either way is right, each for its texts)
    else:
        assert tenant_id.removeprefix("ten_").isalnum()
        assert presented.isascii()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(presented=nearly_keys)
@example(presented="upt_sk_nobody_0")
def test_nobody_is_authenticated_by_a_guess(database: Database, presented: str) -> None:
    """Every failure is the same error, and none is the engine's."""
    with pytest.raises(BadKeyError):
        authenticate(database, presented)


def test_an_opened_tenant_has_a_key_of_each_kind(database: Database) -> None:
    """Each proves the tenant and its own kind; the browser's is bound to its pages."""
    opened = _open(database)

    secret, browser = authenticate(database, opened.secret_key), authenticate(database, opened.publishable_key)

    assert secret.tenant == browser.tenant == opened.tenant
    assert secret.scope == Scope(opened.tenant.id)
    assert (secret.is_secret, browser.is_secret) == (True, False)
    assert (secret.key.origins, browser.key.origins) == ((), ("https://bean.example",))


def test_a_key_of_one_kind_is_not_one_of_the_other(database: Database) -> None:
    """Renaming `pk` to `sk` makes another key, which nobody has."""
    opened = _open(database)

    with pytest.raises(BadKeyError):
        authenticate(database, opened.publishable_key.replace("upt_pk", "upt_sk"))


def test_a_key_with_another_tenants_name_in_it_is_nobodys(database: Database) -> None:
    """The secret part belongs to the tenant it was minted for."""
    first, second = _open(database), _open(database, "Leaf Lane")
    crossed = first.secret_key.replace(first.tenant.id.removeprefix("ten_"), second.tenant.id.removeprefix("ten_"))

    with pytest.raises(BadKeyError):
        authenticate(database, crossed)


def test_a_revoked_key_is_refused_and_the_others_stay(database: Database) -> None:
    """Revoking twice keeps the first moment; another tenant cannot revoke it, and is told there is none."""
    opened, other = _open(database), _open(database, "Leaf Lane")
    with database.unit(Scope(opened.tenant.id)) as unit:
        further = add_key(unit, KeyKind.SECRET, now=NOW)
    key_id = authenticate(database, further).key.id
    with database.unit(Scope(other.tenant.id)) as unit:
        assert not TenantStore(unit).revoke_key(key_id, NOW)
    assert authenticate(database, further).key.id == key_id

    for hour in (10, 11):
        with database.unit(Scope(opened.tenant.id)) as unit:
            assert TenantStore(unit).revoke_key(key_id, NOW.replace(hour=hour))

    with pytest.raises(BadKeyError):
        authenticate(database, further)
    assert authenticate(database, opened.secret_key).is_secret
    with database.view(Scope(opened.tenant.id)) as unit:
        stored = TenantStore(unit).keys()
    assert {key.revoked_at for key in stored} == {None, NOW.replace(hour=10)}


def test_a_secret_is_stored_nowhere(database: Database) -> None:
    """Neither it nor its random part is in any column of any row, only the hash is."""
    opened = _open(database)
    engine = create_engine(database.url)
    with engine.connect() as connection:
        dump = "\n".join(
            str(tuple(row))
            for table in ("tenants", "api_keys", "outbox", "replays")
            for row in connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608 (names of tables, from above)
        )
    engine.dispose()

    assert digest(opened.secret_key) in dump
    for secret in (opened.secret_key, opened.publishable_key):
        assert secret not in dump
        assert secret.split("_")[3] not in dump
        assert secret.split("_")[3][:16] not in dump
