"""What billing some customers needs to know besides their subscriptions, read for all of them at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from billing.catalog.taxes.standard_rates import STANDARD_RATES
from billing.catalog.taxes.store import TaxRuleStore
from billing.customers.country import country_code
from billing.customers.store import CustomerStore
from billing.invoices.limits import limits_of
from billing.invoices.past_store import PastStore
from billing.invoices.settlement import Settlement, untaxed
from billing.kernel.money import Money
from billing.kernel.period import Period
from billing.ledger.store import LedgerStore
from billing.pricing.tax_rules import Buyer, Seller, TaxDecision, TaxRules, treatment
from billing.subscriptions.coupons.store import RedemptionStore
from billing.tenants.profile.store import ProfileStore
from billing.wallets.spend import lock_spendable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from billing.invoices.cards import Cards
    from billing.invoices.invoice import Invoice, InvoiceLine
    from billing.pricing.discount import Coupon

_INSTANT = timedelta(microseconds=1)
TAX = "tax"  # where a line that belongs to no version says its tax class, and whether its price includes the tax


class Facts:
    """The customers of some drafts, what applies to them and what they have to pay with.

    Credit taken from it is gone for the rest of the batch.
    """

    def __init__(self, unit: Unit, drafts: Sequence[Invoice], cards: Cards, *, now: datetime | None = None) -> None:
        """With `now`, when the drafts are to be issued, the wallets that will pay are held until the unit ends."""
        customers = sorted({draft.customer_id for draft in drafts})
        subscriptions = sorted({draft.subscription_id for draft in drafts if draft.subscription_id is not None})
        self.seller = ProfileStore(unit).get()
        self.customers = CustomerStore(unit).by_ids(customers)
        self._cards = cards
        self._rules = TaxRules(TaxRuleStore(unit).own(), STANDARD_RATES) if self.seller.taxes else None
        self._coupons = RedemptionStore(unit).of_subscriptions(subscriptions)
        self._credit = _credits(unit, customers)
        currencies = sorted({draft.currency for draft in drafts}) if now is not None else []
        self._prepaid = {
            (customer, currency)
            for currency in currencies
            for customer in lock_spendable(unit, customers, currency, now or drafts[0].closes_at)
        }
        early = _subscriptions_of(drafts, lambda draft: _bills_early(draft, cards))
        self._early = PastStore(unit).billed_early(early) if early else {}
        limited = _subscriptions_of(drafts, lambda draft: _is_limited(draft, cards))
        self._fees = PastStore(unit).fees_by_start(limited) if limited else {}

    def settlement(self, invoice: Invoice, number: int) -> Settlement:
        """The coupons, limits and taxes that apply to an invoice, the subscription's `number`-th."""
        versions = {line.version_id for line in invoice.lines if line.version_id} | set(invoice.version_ids)
        tax_of = untaxed if self._rules is None else self._tax_reader(invoice, self._rules)
        return Settlement(
            plan_of=self._cards.plans(versions),
            coupons=self._coupons_on(invoice, number),
            limits=limits_of(invoice, self._cards, self._fees_of(invoice), lambda line: tax_of(line).treatment),
            tax_of=tax_of,
        )

    def billed_early(self, invoice: Invoice) -> dict[tuple[str, str], Money]:
        """What threshold invoices billed of the period that an invoice closes, by version and charge."""
        if invoice.subscription_id is None or invoice.period is None:
            return {}
        return self._early.get((invoice.subscription_id, invoice.period.start), {})

    def take_credit(self, customer_id: str, most: Money) -> Money:
        """What the customer's account pays of `most`, taken off what is left in it."""
        left = self._credit.get((customer_id, most.currency), 0)
        taken = max(min(left, most.amount_minor), 0)
        if taken:
            self._credit[customer_id, most.currency] = left - taken
        return Money(taken, most.currency)

    def has_prepaid(self, customer_id: str, currency: str) -> bool:
        """Whether the customer's wallet has something to pay with."""
        return (customer_id, currency) in self._prepaid

    def _coupons_on(self, invoice: Invoice, number: int) -> tuple[Coupon, ...]:
        redeemed = self._coupons.get(invoice.subscription_id or "", ())
        if not redeemed:
            return ()
        began, zone = invoice.created_at, self.customers[invoice.customer_id].zone
        period = Period(began, began + _INSTANT)
        return tuple(each.coupon for each in redeemed if each.covers(number, period, zone))

    def _fees_of(self, invoice: Invoice) -> dict[str, Money]:
        if invoice.subscription_id is None or invoice.period is None:
            return {}
        return self._fees.get((invoice.subscription_id, invoice.period.start), {})

    def _tax_reader(self, invoice: Invoice, rules: TaxRules) -> Callable[[InvoiceLine], TaxDecision]:
        buyer = self.customers[invoice.customer_id]
        seller = Seller(
            country=self.seller.country, region=self.seller.region, exempt=self.seller.exempt, oss=self.seller.oss
        )
        country = country_code(buyer.country)  # one that is not known is taken for the seller's own
        to = Buyer(country=country, region=buyer.region, tax_id=buyer.tax_id, is_business=buyer.is_business)

        def decide(line: InvoiceLine) -> TaxDecision:
            said = line.document.get(TAX)
            if said is not None:
                return treatment(rules, seller, to, said["class"], said["inclusive"], invoice.closes_at)
            terms = self._cards.versions[line.version_id].terms
            return treatment(rules, seller, to, terms.tax_class, terms.tax_inclusive, invoice.closes_at)

        return decide


def _credits(unit: Unit, customer_ids: list[str]) -> dict[tuple[str, str], int]:
    """Positive account balances by customer and currency; their owners are locked, so that nobody else spends them meanwhile."""
    ledger = LedgerStore(unit)
    rich = sorted({customer for customer, _ in ledger.credits_of(customer_ids)})
    if not rich:
        return {}
    if not unit.session.read_only:
        CustomerStore(unit).lock_many(rich)
    return ledger.credits_of(rich)


def _subscriptions_of(drafts: Sequence[Invoice], wanted: Callable[[Invoice], bool]) -> list[str]:
    return sorted({draft.subscription_id for draft in drafts if draft.subscription_id is not None and wanted(draft)})


def _bills_early(draft: Invoice, cards: Cards) -> bool:
    """Whether threshold invoices may have taken a part of what a draft closes."""
    return any(cards.versions[version_id].terms.thresholds for version_id in draft.version_ids)


def _is_limited(draft: Invoice, cards: Cards) -> bool:
    terms = (cards.versions[version_id].terms for version_id in draft.version_ids)
    return draft.period is not None and any(each.minimum is not None or each.maximum is not None for each in terms)


def due_date(issued_at: datetime, terms_days: int) -> datetime:
    """When an invoice is to be paid by."""
    return issued_at + timedelta(days=terms_days)
