"""Segments by rule: writing, trying and asking them, and why a customer is in or out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.customers.store import CustomerStore
from billing.kernel.clock import format_instant
from billing.kernel.page import page_size
from features.segments.evaluate import drop_rule, evaluate_rule, why
from features.segments.rules.store import RuleStore
from features.segments.rules.tree import read_tree, write_tree
from features.segments.standing.store import INSIDE, StandingStore
from serving.api import documents
from serving.api.context import SecretContext

if TYPE_CHECKING:
    from billing.db.session import Unit
    from features.segments.rules.judge import Verdict
    from features.segments.rules.store import SegmentRule

router = APIRouter(prefix="/v1/segments", tags=["segments"])
_KEY = r"^[a-z0-9][a-z0-9_-]{0,62}$"


class RuleBody(BaseModel):
    """A rule under its key: conditions joined by `all`, `any` and `not`, on features, scores, segments, plans, consents and countries."""

    key: str = Field(pattern=_KEY)
    name: str = Field(min_length=1, max_length=200)
    rule: dict[str, Any]


@router.get("/rules")
def index(context: SecretContext) -> dict[str, Any]:
    """Every rule with its size."""
    with context.view() as unit:
        sizes = StandingStore(unit).sizes()
        return documents.page([_document(rule, sizes) for rule in RuleStore(unit).all()], None)


@router.post("/rules", status_code=201)
def put(body: RuleBody, context: SecretContext) -> JSONResponse:
    """Make a rule, or change the one of this key; it is asked of everybody by the next evaluation."""

    def work(unit: Unit) -> dict[str, Any]:
        rule, _ = RuleStore(unit).put(body.key, body.name, read_tree(body.rule), context.now)
        return _document(rule, StandingStore(unit).sizes())

    return context.write(work, body=body, status=201)


@router.get("/rules/{rule}")
def show(rule: str, context: SecretContext) -> dict[str, Any]:
    """One rule."""
    with context.view() as unit:
        return _document(RuleStore(unit).get(rule), StandingStore(unit).sizes())


@router.delete("/rules/{rule}")
def remove(rule: str, context: SecretContext) -> JSONResponse:
    """Delete a rule; everybody who was in leaves."""

    def work(unit: Unit) -> dict[str, Any]:
        drop_rule(unit, rule, context.now)
        return {"key": rule, "deleted": True}

    return context.write(work)


@router.post("/rules/{rule}/evaluate")
def evaluate(rule: str, context: SecretContext) -> dict[str, Any]:
    """Ask a rule of everybody now, instead of tonight; asked again at once it changes nothing."""
    done = evaluate_rule(context.services.database, context.principal.scope, rule, now=context.now)
    return {"key": rule, "size": done.standing, "entered": done.entered, "left": done.left}


@router.get("/rules/{rule}/members")
def members(rule: str, context: SecretContext, limit: int | None = None, cursor: str | None = None) -> dict[str, Any]:
    """The keys of the customers who were in at the last evaluation, and since when."""
    with context.view() as unit:
        scheme = RuleStore(unit).get(rule).scheme
        found = StandingStore(unit).page(scheme, INSIDE, limit=page_size(limit), cursor=cursor)
        customers = CustomerStore(unit).by_ids(customer for customer, _ in found.items)
    rows = [{"customer": customers[customer].key, "since": format_instant(since)} for customer, since in found.items]
    return documents.page(rows, found.next_cursor)


@router.get("/rules/{rule}/customers/{key}")
def explain(rule: str, key: str, context: SecretContext) -> dict[str, Any]:
    """Whether a customer is in as of now, and which conditions decided."""
    with context.view() as unit:
        found = RuleStore(unit).get(rule)
        customer = CustomerStore(unit).get(key)
        verdict = why(unit, found, customer, context.now)
    return {"rule": rule, "customer": customer.key, **explained(verdict)}


def explained(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON: the sentence, and each deciding condition with what was found."""
    return {
        "inside": verdict.inside,
        "why": verdict.sentence,
        "because": [
            {
                "condition": write_tree(each.leaf),
                "held": each.held,
                "found": list(each.found) if isinstance(each.found, tuple) else each.found,
            }
            for each in verdict.because
        ],
    }


def _document(rule: SegmentRule, sizes: dict[str, dict[str, int]]) -> dict[str, Any]:
    return {
        "key": rule.key,
        "name": rule.name,
        "rule": write_tree(rule.tree),
        "revision": rule.revision,
        "size": sum(sizes.get(rule.scheme, {}).values()),
        "changed_at": format_instant(rule.changed_at),
        "evaluated_at": None if rule.evaluated_at is None else format_instant(rule.evaluated_at),
    }
