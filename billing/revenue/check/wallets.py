"""Check: a wallet is what its movements add up to, not below its floor, and what the books say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.audit_store import LedgerAudit
from billing.revenue.check.finding import Finding
from billing.wallets.standing_store import StandingStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit


def check(unit: Unit) -> Iterator[Finding]:
    """Wallets against their floors, their movements and account WALLET."""
    store = StandingStore(unit)
    for wallet in store.below_floor():
        yield Finding(code="wallet_below_floor", sentence=f"wallet {wallet} is below its floor", ids=(wallet,))
    stored, folded = store.stored(), store.folded()
    for place in sorted(stored.keys() | folded.keys(), key=str):
        stands, moved = stored.get(place, 0), folded.get(place, 0)
        if stands != moved:
            wallet, grant = place
            which = f"grant {grant}" if grant else "the overdraft"
            yield Finding(
                code="wallet_movements",
                sentence=f"{which} of wallet {wallet} stands at {stands} minor units, its movements say {moved}",
                ids=(wallet, grant) if grant else (wallet,),
            )
    yield from _booked(unit, store)


def _booked(unit: Unit, store: StandingStore) -> Iterator[Finding]:
    held: dict[tuple[str | None, str], int] = {
        (who, currency): minor for (who, currency), minor in store.held().items()
    }
    booked = LedgerAudit(unit).standing(Account.WALLET)
    for who, currency in sorted(held.keys() | booked.keys(), key=str):
        has, says = Money(held.get((who, currency), 0), currency), Money(-booked.get((who, currency), 0), currency)
        if has != says:
            yield Finding(
                code="wallet_account",
                sentence=f"the wallet of {who or 'nobody'} holds {has}, the books say {says}",
                ids=(who,) if who else (),
                amounts={"wallet": has, "booked": says},
            )
