"""Whose money is taken by whom, and by which rules, as the settings say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from billing.payments.dunning import DunningPolicy, RetryCalendar, Terminal
from billing.payments.provider import UnknownProviderError
from billing.tenants.tenant import Mode
from serving.dunning import policy_of
from serving.payments import NoProviderError, collect_for, needed_provider, provider_named, provider_of
from serving.settings import Settings
from serving.wiring import build
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from pathlib import Path

    from billing.db.session import Database


def _settings(tmp_path: Path, database: Database | None = None, **given: Any) -> Settings:
    url = "" if database is None else database.url.render_as_string(hide_password=False)
    return Settings(home=tmp_path / "home", database_url=url, mlflow_uri="off", _env_file=None, **given)


def test_the_defaults_are_the_calendar_of_billing(tmp_path: Path) -> None:
    """And other rules are read from the settings."""
    given: dict[str, Any] = {"dunning_retry_days": "1,60", "dunning_grace_days": 3, "dunning_terminal": "cancel"}

    assert policy_of(_settings(tmp_path)) == DunningPolicy()
    assert policy_of(_settings(tmp_path, **given)) == DunningPolicy(
        calendar=RetryCalendar.days(1, 60), grace=timedelta(days=3), terminal=Terminal.CANCEL
    )
    assert policy_of(_settings(tmp_path, dunning_retry_days="")).calendar == RetryCalendar(())


@pytest.mark.parametrize("days", ["0", "61", "2,", "2;5", "-1", ",".join("1" * 21)])
def test_rules_that_cannot_be_kept_are_refused_at_the_start(tmp_path: Path, days: str) -> None:
    """Not when the first payment fails."""
    with pytest.raises(ValidationError):
        _settings(tmp_path, dunning_retry_days=days)


def test_test_tenants_have_the_sandbox_and_live_ones_stripe_where_it_is_set_up(
    tmp_path: Path, sqlite_database: Database
) -> None:
    """Without a key, live customers pay by hand; its secret is in no text of the settings."""
    plain, keyed = (
        build(_settings(tmp_path, sqlite_database, **given))
        for given in ({}, {"stripe_key": "sk_test_hidden", "stripe_webhook_secret": "whsec_hidden"})
    )
    shop = open_shop(plain.database)
    tested = shop.opened.tenant
    live = replace(tested, mode=Mode.LIVE)

    assert (needed_provider(plain, tested).name, needed_provider(keyed, live).name) == ("sandbox", "stripe")
    assert provider_of(plain, live) is None
    assert collect_for(plain, shop.scope, now=START).succeeded == 0
    with pytest.raises(NoProviderError):
        needed_provider(plain, live)
    for services, name in ((plain, "stripe"), (keyed, "paypal")):
        with pytest.raises(UnknownProviderError):
            provider_named(services, name, tested.id)
    assert provider_named(keyed, "stripe", tested.id) is provider_named(keyed, "stripe", live.id)
    assert "hidden" not in repr(keyed.settings)
    for services in (plain, keyed):
        services.database.close()
