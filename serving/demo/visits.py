"""Members who come by in the demonstration's last weeks: each visit is a decision of the product's own, and an answer of theirs.

Whom an offer suits is drawn for each customer and kept: some take what they are shown, some wave it away, most look and go on. One
experiment on the banner's words runs all the while. Nothing is written past the product: offers, caps, the holdout and the bills are real.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from billing.customers.store import CustomerStore
from billing.subscriptions.store import SubscriptionStore
from serving.experiments.manage import create, start
from serving.experiments.tend import tend_experiments
from serving.predict.offer import make_decision
from serving.predict.outcomes import record_outcome

if TYPE_CHECKING:
    from datetime import datetime

    from serving.demo.shopfront import Demo
    from serving.wiring import Services

PLACEMENT: Final = "home"
EXPERIMENT: Final = "banner-words"
_COMES: Final = 0.7
_TAKES: Final = 0.3
_WAVES_AWAY: Final = 0.2
_MOST_MEMBERS: Final = 5_000


def begin_experiment(services: Services, demo: Demo, *, currency: str, now: datetime) -> None:
    """Do warmer words on the banner sell more? Control keeps each offer's own."""
    asked = {
        "key": EXPERIMENT,
        "name": "Warmer words on the banner",
        "hypothesis": "A friendly line makes more members take the plan that fits them.",
        "placement": PLACEMENT,
        "arms": [
            {"key": "as_it_was"},
            {"key": "warmer", "treatment": {"message": "Made for how you drink your coffee: have a look."}},
        ],
        "primary": {"key": "conversion"},
        "secondary": [{"key": "revenue"}],
        "planned_units": 400,
    }
    with services.database.unit(demo.scope) as unit:
        create(unit, asked, currency=currency, now=now)
        start(unit, EXPERIMENT, now=now)


def visit(services: Services, demo: Demo, *, now: datetime) -> int:
    """One week's visits; how many offers were seen."""
    with services.database.view(demo.scope) as unit:
        subscribed = [each for each in SubscriptionStore(unit).page(limit=_MOST_MEMBERS).items if each.is_running]
        known = CustomerStore(unit).by_ids(each.customer_id for each in subscribed)
    keys = sorted(known[each.customer_id].key for each in subscribed)
    seen = sum(_comes_by(services, demo, key, now) for key in keys if _chance(key, f"comes {now:%x}") < _COMES)
    tend_experiments(services, demo.scope, now=now)
    return seen


def _comes_by(services: Services, demo: Demo, key: str, now: datetime) -> bool:
    with services.database.unit(demo.scope) as unit:
        document = make_decision(unit, services, key, placement=PLACEMENT, now=now)
        if document["offer"] is None:
            return False
        for kind in ("impression", _answer(key)):
            if kind is not None:
                record_outcome(unit, document["decision_id"], kind, customer_id=None, now=now)
    return True


def _answer(key: str) -> str | None:
    """What this customer does about an offer, the same every time."""
    mood = _chance(key, "mood")
    if mood < _TAKES:
        return "accept"
    return "dismiss" if mood < _TAKES + _WAVES_AWAY else None


def _chance(key: str, about: str) -> float:
    """A number from 0 to 1, by the customer and the question alone."""
    return int.from_bytes(hashlib.sha256(f"{key} {about}".encode()).digest()[:8], "big") / 2**64
