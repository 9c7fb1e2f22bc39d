"""The demonstration storefront: what a shop's own page looks like with the widget on it, seen as one of the shop's customers.

The page does what a business's server does: it knows who is logged in (here: who was chosen), signs a short-lived token for that customer,
and leaves the rest to the widget, which calls the API as any shop's page would.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from billing.catalog.products.store import ProductStore
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.purchases.store import PurchaseStore
from billing.subscriptions.store import SubscriptionStore
from billing.tenants.authenticate import authenticate
from billing.tenants.keys import BadKeyError
from serving.predict.recommend import Ask, bundles
from serving.predict.signals import limits_of
from serving.tokens import sign, signing_secret
from serving.web.gate import Demo, DemoShop
from serving.web.pages import PageRoute, render
from serving.web.people import is_control, people

if TYPE_CHECKING:
    from billing.catalog.item import Product
    from billing.customers.customer import Customer
    from billing.db.session import Unit

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_GRID = 8
_BEST_OF = timedelta(days=90)


@router.get("/shop")
def storefront(request: Request, demo: DemoShop, customer: str = "", item: str = "") -> HTMLResponse:
    """The shop as the chosen customer sees it; without a choice, the customers to choose from."""
    with demo.view() as unit:
        if not customer.strip():
            return render("choose.html", demo, people=people(unit, demo))
        chosen = CustomerStore(unit).get(customer.strip()[:200])
        product = ProductStore(unit).by_keys([item]).get(item) if item else None
        ask = Ask(customer=chosen.key, k=2, anchor=product.key if product else None)
        values = {
            "account": _account(unit, chosen, demo),
            "product": product,
            "bestsellers": _bestsellers(unit, demo),
            "bundles": bundles(unit, demo.services.models, ask, now=demo.now)["bundles"],
        }
    secret = signing_secret(demo.services.secret, demo.tenant.id)
    token = sign(secret, chosen.key, now=demo.services.clock.now())
    return render(
        "shop.html",
        demo,
        customer=chosen,
        token=token,
        publishable_key=demo.publishable_key,
        bound_to=_other_origins(request, demo),
        **values,
    )


def _other_origins(request: Request, demo: Demo) -> tuple[str, ...]:
    """The origins that the publishable key is bound to, where this page's is not among them: the widget would stay empty."""
    try:
        origins = authenticate(demo.services.database, demo.publishable_key).key.origins
    except BadKeyError:
        return ()
    here = f"{request.url.scheme}://{request.url.netloc}"
    return () if here in origins else origins


def _account(unit: Unit, customer: Customer, demo: Demo) -> dict[str, Any]:
    """What the shop's header says about the customer."""
    subscription = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    pinned = CatalogStore(unit).by_ids(subscription.version_ids) if subscription else {}
    names = [pinned[version_id].plan_name for version_id in subscription.version_ids] if subscription else []
    return {
        "plans": names,
        "limits": limits_of(unit, customer.id, now=demo.now),
        "held_out": is_control(demo, customer),
    }


def _bestsellers(unit: Unit, demo: Demo) -> list[Product]:
    """What most customers bought lately and can be bought now; the newest products where nothing was sold."""
    sold = [item for item, _ in PurchaseStore(unit).bestsellers(demo.now - _BEST_OF, demo.now, 2 * _GRID)]
    products = ProductStore(unit).by_keys(sold)
    best = [products[key] for key in sold if key in products and products[key].buyable and products[key].name]
    return best[:_GRID] or ProductStore(unit).newest(set(ProductStore(unit).unsold()), _GRID)
