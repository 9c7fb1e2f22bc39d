"""One contract for every adapter: money moves once a key, a lost answer can be looked up, and a decline says whether to try again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import pytest

from billing.invoices.invoice import InvoiceStatus
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.payments.collect import collect
from billing.payments.methods import save_method
from billing.payments.provider import (
    ChargeRequest,
    Declined,
    MethodRefusedError,
    Pending,
    ProviderUnavailableError,
    RefundRequest,
    SignatureError,
    Succeeded,
)
from billing.payments.recover import recover
from billing.payments.sandbox.provider import SandboxProvider
from billing.payments.stripe_provider import StripeProvider
from tests.billing.payments.till import SECRET, open_till
from tests.shop import open_shop

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.payments.provider import PaymentProvider
    from tests.servers.stripe_server import StripeServer

NOW = datetime.now(UTC)
SETUP = {
    "sandbox": {"good": "pm_ok", "bad": "pm_declined", "refused": "pm_of_another_world"},
    "stripe": {"good": "pm_card_visa", "bad": "pm_card_chargeCustomerFail", "refused": "pm_card_visa_chargeDeclined"},
}


class Mishap(Protocol):
    """What makes the next charge's answer be lost."""

    def __call__(self) -> str:
        """The token to charge then; empty means any."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """An adapter, the tokens that stand for its moods, and a mishap."""

    provider: PaymentProvider
    tokens: dict[str, str]
    mishap: Mishap

    def request(self, mood: str, minor: int = 1234, currency: str = "EUR") -> ChargeRequest:
        """A charge on a newly attached method."""
        kept = self.provider.attach(customer=new_id("cus"), account=None, token=self.tokens.get(mood, mood))
        return ChargeRequest(
            key=new_id("pat"),
            amount=Money(minor, currency),
            token=kept.token,
            account=kept.account,
            invoice=new_id("inv"),
            at=NOW,
        )


@pytest.fixture(params=["sandbox", pytest.param("stripe", marks=pytest.mark.servers)])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each adapter in turn."""
    if request.param == "sandbox":
        database: Database = request.getfixturevalue("sqlite_database")
        sandbox = SandboxProvider(database, open_shop(database).scope, secret=SECRET)
        return Bench(sandbox, SETUP["sandbox"], lambda: "pm_timeout_after_charge")
    server: StripeServer = request.getfixturevalue("stripe_server")

    def lose() -> str:
        server.lose_next = True
        return ""

    stripe = StripeProvider(key="sk_test_12345", webhook_secret="whsec_test", address=server.address)
    return Bench(stripe, SETUP["stripe"], lose)


def test_a_charge_takes_the_amount_once_a_key(bench: Bench) -> None:
    """The same request again answers the same reference; another key is another charge."""
    request = bench.request("good")

    first, again = bench.provider.charge(request), bench.provider.charge(request)
    other = bench.provider.charge(replace(request, key=new_id("pat")))

    assert isinstance(first, Succeeded)
    assert first.amount == request.amount
    assert again == first
    assert isinstance(other, Succeeded)
    assert other.reference != first.reference


def test_a_decline_says_so_and_is_remembered(bench: Bench) -> None:
    """No money; the same key is declined again, and looking it up tells the same code."""
    request = bench.request("bad")

    declined = bench.provider.charge(request)

    assert isinstance(declined, Declined)
    assert declined.code == "card_declined"
    assert declined.retryable
    found = bench.provider.lookup(request)
    assert isinstance(found, Declined)
    assert found.code == "card_declined"


def test_what_was_never_asked_is_not_found(bench: Bench) -> None:
    """By key, for charges and refunds."""
    request = bench.request("good")
    assert bench.provider.lookup(request) is None
    charge = bench.provider.charge(request)
    assert isinstance(charge, Succeeded)

    asked = RefundRequest(key=new_id("ref"), charge=charge.reference, amount=Money(100, "EUR"), at=NOW)

    assert bench.provider.lookup_refund(asked) is None


def test_a_lost_answer_is_no_decline_and_is_found_by_its_key(bench: Bench) -> None:
    """The money was taken; the lookup says so, and asking again takes nothing more."""
    plain = bench.request("good")
    token = bench.mishap()
    request = replace(plain, token=token) if token else plain

    with pytest.raises(ProviderUnavailableError):
        bench.provider.charge(request)

    found = bench.provider.lookup(request)
    assert isinstance(found, Succeeded)
    assert bench.provider.charge(request) == found


def test_a_refund_gives_back_once_a_key(bench: Bench) -> None:
    """In parts, each found by its own key."""
    charge = bench.provider.charge(bench.request("good"))
    assert isinstance(charge, Succeeded)
    asked = RefundRequest(key=new_id("ref"), charge=charge.reference, amount=Money(234, "EUR"), at=NOW)

    first, again = bench.provider.refund(asked), bench.provider.refund(asked)

    assert isinstance(first, Succeeded)
    assert first.amount == asked.amount
    assert again == first == bench.provider.lookup_refund(asked)


@pytest.mark.parametrize(("minor", "currency"), [(500, "JPY"), (5120, "KWD"), (5, "ISK"), (70000, "MGA")])
def test_amounts_come_back_as_they_went(bench: Bench, minor: int, currency: str) -> None:
    """Whatever the provider counts in."""
    charge = bench.provider.charge(bench.request("good", minor, currency))

    assert isinstance(charge, Succeeded)
    assert charge.amount == Money(minor, currency)


def test_a_method_that_cannot_be_kept_is_refused(bench: Bench) -> None:
    """Before anything is charged."""
    with pytest.raises(MethodRefusedError):
        bench.request("refused")


def test_an_unsigned_message_is_refused(bench: Bench) -> None:
    """Without a header, and with a made-up one."""
    for headers in ({}, {"stripe-signature": "t=1,v1=00", "sandbox-signature": "t=1,v1=00"}):
        with pytest.raises(SignatureError):
            bench.provider.parse_webhook(headers, b"{}", now=NOW)


@pytest.mark.servers
def test_stripe_that_cannot_be_reached_is_no_decline() -> None:
    """Nothing listens there: the outcome of every call is unknown."""
    away = StripeProvider(key="sk_test_12345", webhook_secret="", address="http://127.0.0.1:9")
    request = ChargeRequest(
        key="pat", amount=Money(1, "EUR"), token="pm_x", account="cus_x", invoice="inv", at=NOW - timedelta(days=1)
    )
    for call in (away.charge, away.lookup):
        with pytest.raises(ProviderUnavailableError):
            call(request)
    with pytest.raises(SignatureError):
        away.parse_webhook({}, b"{}", now=NOW)


@pytest.mark.servers
def test_stripe_asks_for_the_customer_where_the_bank_does(stripe_server: StripeServer) -> None:
    """A card that must be confirmed by its holder is pending, not declined, where Stripe keeps the intent open."""
    provider = StripeProvider(key="sk_test_12345", webhook_secret="", address=stripe_server.address)
    form = b"type=card&card[number]=4000002500003155&card[exp_month]=12&card[exp_year]=2030&card[cvc]=123"
    headers = {"authorization": "Bearer sk_test_12345", "content-type": "application/x-www-form-urlencoded"}
    _, body = stripe_server.ask("POST", "/v1/payment_methods", form, headers)
    token = body.decode().split('"id": "')[1].split('"')[0]
    kept = provider.attach(customer=new_id("cus"), account=None, token=token)
    asked = ChargeRequest(
        key=new_id("pat"), amount=Money(900, "EUR"), token=kept.token, account=kept.account, invoice="inv", at=NOW
    )

    pending = provider.charge(asked)

    assert isinstance(pending, Pending)
    assert pending.action == "requires_action"
    assert provider.lookup(asked) == pending


@pytest.mark.servers
def test_an_answer_that_stripe_gave_and_we_lost_is_booked_once(
    sqlite_database: Database, stripe_server: StripeServer
) -> None:
    """Through the whole of collecting: unknown, looked up, paid; a second recovery finds nothing to do."""
    till = open_till(sqlite_database)
    provider = StripeProvider(key="sk_test_12345", webhook_secret="", address=stripe_server.address)
    invoice = till.owe("ann", at=NOW)
    kept = provider.attach(customer=invoice.customer_id, account=None, token="pm_card_visa")
    with sqlite_database.unit(till.shop.scope) as unit:
        save_method(unit, "ann", kept, provider=provider.name, now=NOW)
    stripe_server.lose_next = True

    lost = collect(sqlite_database, till.shop.scope, provider, now=NOW)
    found = recover(sqlite_database, till.shop.scope, provider, now=NOW, older_than=timedelta())
    again = recover(sqlite_database, till.shop.scope, provider, now=NOW, older_than=timedelta())

    assert (lost.unknown, found.settled, again.settled) == (1, 1, 0)
    assert till.invoice(invoice.id).status is InvoiceStatus.PAID
    assert len(till.payments(invoice.id)) == 1
    till.check_books()
