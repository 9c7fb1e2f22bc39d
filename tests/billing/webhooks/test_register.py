"""Endpoints are checked when they are made and changed, and keep to themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.webhooks.address import AddressError
from billing.webhooks.endpoint import MOST_ENDPOINTS, EndpointError, EndpointNotFoundError, TooManyEndpointsError
from billing.webhooks.register import change_endpoint, remove_endpoint, rotate_secret
from billing.webhooks.store import EndpointStore
from tests.billing.webhooks.hooks import (
    BROKEN,
    NOW,
    RULE,
    answer,
    deliveries_of,
    drain,
    endpoint_of,
    listen,
    pass_on,
    states_of,
    tell,
)
from tests.shop import Shop, open_shop

if TYPE_CHECKING:
    from billing.webhooks.endpoint import Endpoint


def _change(shop: Shop, endpoint: Endpoint, **changes: Any) -> Endpoint:
    with shop.database.unit(shop.scope) as unit:
        return change_endpoint(unit, endpoint.id, rule=RULE, now=NOW, **changes)


def test_an_endpoint_is_kept_as_it_was_made_and_changed(shop: Shop) -> None:
    """What is not given stays."""
    made = listen(shop, "invoice.*", "plan.published", description="the till")
    assert endpoint_of(shop, made.id) == made

    changed = _change(shop, made, events=["*"])

    assert endpoint_of(shop, made.id) == changed
    assert (changed.events, changed.description, changed.url) == (("*",), "the till", made.url)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"url": "http://10.0.0.1/"}, AddressError),
        ({"url": "https://a:b@shop.example/"}, AddressError),
        ({"description": "x" * 401}, EndpointError),
        ({"description": "a\x00b"}, EndpointError),
    ],
)
def test_what_cannot_be_is_refused_when_made_and_when_changed(
    shop: Shop, options: dict[str, str], error: type[Exception]
) -> None:
    """And nothing is lost."""
    with pytest.raises(error):
        listen(shop, **options)
    made = listen(shop)
    with pytest.raises(error):
        _change(shop, made, **options)
    assert endpoint_of(shop, made.id) == made


def test_there_are_not_more_than_a_number_of_them(shop: Shop) -> None:
    """The next is refused until one is removed, with all that was to be delivered to it."""
    first, *_ = [listen(shop) for _ in range(MOST_ENDPOINTS)]
    tell(shop, "1")
    pass_on(shop)
    with pytest.raises(TooManyEndpointsError):
        listen(shop)
    with shop.database.unit(shop.scope) as unit:
        remove_endpoint(unit, first.id)
    listen(shop)
    with pytest.raises(EndpointNotFoundError):
        endpoint_of(shop, first.id)
    assert deliveries_of(shop, first.id) == ()


def test_a_new_address_is_tried_at_once(shop: Shop) -> None:
    """With all attempts before it, and the failures of the old one forgotten."""
    endpoint = listen(shop)
    tell(shop, "1")
    pass_on(shop)
    answer(shop, endpoint.id, BROKEN)

    changed = _change(shop, endpoint, url="https://new.example/")

    assert changed.failing_since is None
    assert drain(shop, endpoint.id) == ["1"]


def test_disabling_skips_what_waits_and_enabling_begins_anew(shop: Shop) -> None:
    """What came meanwhile is not told unless it is replayed."""
    endpoint = listen(shop)
    tell(shop, "1")
    pass_on(shop)
    _change(shop, endpoint, is_enabled=False)
    tell(shop, "2")
    pass_on(shop)
    assert _change(shop, endpoint, is_enabled=True).is_enabled
    tell(shop, "3")
    pass_on(shop)
    assert drain(shop, endpoint.id) == ["3"]
    assert states_of(shop, endpoint.id) == ["skipped", "delivered"]


def test_a_rotation_is_kept(shop: Shop) -> None:
    """Its generation, and until when the old secret signs."""
    endpoint = listen(shop)
    with shop.database.unit(shop.scope) as unit:
        rotate_secret(unit, endpoint.id, now=NOW, overlap=timedelta(hours=2))
    assert endpoint_of(shop, endpoint.id).generations(NOW + timedelta(hours=1)) == (2, 1)


def test_another_tenants_endpoint_does_not_exist(shop: Shop) -> None:
    """It is neither listed, nor changed, nor removed."""
    endpoint = listen(shop)
    other = open_shop(shop.database, "Leaf Lane")
    with shop.database.view(other.scope) as unit:
        assert EndpointStore(unit).all() == []
    with pytest.raises(EndpointNotFoundError):
        _change(other, endpoint, is_enabled=False)
    with pytest.raises(EndpointNotFoundError), shop.database.unit(other.scope) as unit:
        remove_endpoint(unit, endpoint.id)
    assert endpoint_of(shop, endpoint.id) == endpoint
