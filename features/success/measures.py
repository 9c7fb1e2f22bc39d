"""What success is measured by: each measure is a ratio of two sums over customers, read from the rows of one source. Pure.

A share divides those who did something by those who could have; an average order value the money by the orders. Money is net of tax, in
minor units of one currency, with credit notes and losses taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Source(Enum):
    """The rows that a measure is read from."""

    BOOKS = "books"
    ORDERS = "orders"
    STEPS = "steps"
    RENEWALS = "renewals"
    BUNDLES = "bundles"
    ANSWERS = "answers"
    FEEDBACK = "feedback"
    TICKETS = "tickets"
    UNSUBSCRIBES = "unsubscribes"


class Unit(Enum):
    """How a value is read by people."""

    SHARE = "share"
    MONEY = "money"
    TIMES = "times"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`value` over `per`, columns of the source; `per` "customers" counts those looked at, "subscribed" those who had a subscription then.

    `once` counts a customer's rows as one. A measure that answers an offer (`offered_only`) has no holdout beside it. `scale` divides the
    sum of `value`.
    """

    key: str
    title: str
    source: Source
    value: str
    per: str = "customers"
    unit: Unit = Unit.SHARE
    once: bool = False
    lower_is_better: bool = False
    offered_only: bool = False
    is_guardrail: bool = False
    scale: int = 1

    @property
    def is_plain_share(self) -> bool:
        """Whether it counts customers who did something among customers."""
        return self.once and self.unit is Unit.SHARE


def _answer(key: str, title: str, value: str, per: str = "impression") -> Measure:
    """What is done with offers: nobody who is held out sees any."""
    return Measure(
        key=key,
        title=title,
        source=Source.ANSWERS,
        value=value,
        per=per,
        unit=Unit.TIMES if per == "customers" else Unit.SHARE,
        lower_is_better=value == "dismiss",
        offered_only=True,
    )


MEASURES: Final[tuple[Measure, ...]] = (
    Measure(key="renewal_rate", title="Renewals of those due", source=Source.RENEWALS, value="renewed", per="due"),
    Measure(
        key="churn",
        title="Subscribers who left",
        source=Source.STEPS,
        value="ended",
        per="subscribed",
        once=True,
        lower_is_better=True,
        is_guardrail=True,
    ),
    Measure(
        key="revenue",
        title="Revenue per customer",
        source=Source.BOOKS,
        value="revenue",
        unit=Unit.MONEY,
    ),
    Measure(
        key="average_order_value",
        title="Average order value",
        source=Source.ORDERS,
        value="spend",
        per="basket",
        unit=Unit.MONEY,
    ),
    Measure(
        key="bundle_attach_rate",
        title="Customers who bought a bundle",
        source=Source.BUNDLES,
        value="bundles",
        once=True,
    ),
    Measure(
        key="downgrades",
        title="Customers who moved down",
        source=Source.STEPS,
        value="lowered",
        once=True,
        lower_is_better=True,
        is_guardrail=True,
    ),
    Measure(
        key="refunds",
        title="Customers with a refund or credit note",
        source=Source.BOOKS,
        value="refunds",
        once=True,
        lower_is_better=True,
        is_guardrail=True,
    ),
    Measure(
        key="support_contacts",
        title="Customers who wrote to support",
        source=Source.TICKETS,
        value="tickets",
        once=True,
        lower_is_better=True,
        is_guardrail=True,
    ),
    Measure(
        key="unsubscribes",
        title="Customers who unsubscribed",
        source=Source.UNSUBSCRIBES,
        value="unsubscribed",
        once=True,
        lower_is_better=True,
        is_guardrail=True,
    ),
    _answer("impressions", "Offers seen per customer", "impression", per="customers"),
    _answer("click_rate", "Clicks of offers seen", "click"),
    _answer("dismissal_rate", "Dismissals of offers seen", "dismiss"),
    _answer("acceptance_rate", "Acceptances of offers seen", "accept"),
    Measure(
        key="feedback",
        title="Feedback, as a share of the scale",
        source=Source.FEEDBACK,
        value="millionths",
        per="ratings",
        scale=1_000_000,
    ),
)
BY_KEY: Final = {measure.key: measure for measure in MEASURES}
GUARDRAILS: Final = tuple(measure for measure in MEASURES if measure.is_guardrail)
