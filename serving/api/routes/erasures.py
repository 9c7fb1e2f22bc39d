"""Erasing a customer, and the proof that one was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.kernel.clock import format_instant
from features.privacy.erase import erase_customer
from serving.api.context import SecretContext

if TYPE_CHECKING:
    from billing.db.session import Unit
    from features.erased.store import Erasure

router = APIRouter(prefix="/v1/customers", tags=["customers"])


@router.delete("/{key}")
def erase(key: str, context: SecretContext) -> JSONResponse:
    """Erase a customer: name, purchases, features, scores, segments and decisions go; issued invoices stay, as the law asks.

    Refused while a subscription runs, an invoice is open or a wallet holds money. Training leaves the customer out from now on.
    """

    def work(unit: Unit) -> dict[str, Any]:
        return erasure_document(erase_customer(unit, key, now=context.now))

    return context.write(work)


def erasure_document(erasure: Erasure) -> dict[str, Any]:
    """What was done, without a name."""
    return {
        "customer": erasure.customer_id,
        "erased_at": format_instant(erasure.erased_at),
        "hash": erasure.customer_hash,
        "done": erasure.done,
    }
