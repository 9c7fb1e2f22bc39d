"""Which slice of the shop a customer is in at a moment: the plan held, by which the gate looks for a model that is worse for some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from features.view import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.history import History

NO_PLAN = "no plan"


def plans_at(history: History, customers: NDArray[Any], moment_us: int) -> NDArray[np.str_] | None:
    """The plan that each customer held, shape (customers,); None in a shop without subscriptions."""
    if not history.rows(Source.SUBSCRIPTIONS):
        return None
    at_us = history.column(Source.SUBSCRIPTIONS, "at_us")
    order = np.lexsort((history.column(Source.SUBSCRIPTIONS, "id"), at_us))
    order = order[at_us[order] < moment_us]
    who = history.column(Source.SUBSCRIPTIONS, "customer")[order].tolist()
    kinds = history.column(Source.SUBSCRIPTIONS, "kind")[order].tolist()
    plans = history.column(Source.SUBSCRIPTIONS, "plan")[order].tolist()
    held = {
        customer: NO_PLAN if kind == "ended" else f"plan {plan}"
        for customer, kind, plan in zip(who, kinds, plans, strict=True)
    }
    return np.array([held.get(customer, NO_PLAN) for customer in customers.tolist()], dtype=np.str_)
