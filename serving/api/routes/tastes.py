"""What items are, and what customers declared they must have, never want, or like."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.tastes.declare import declare_preferences, describe_item
from billing.tastes.store import TasteStore
from billing.tastes.taste import MOST_PREFERENCES, MOST_WEIGHT, Kind, Preference
from serving.api.context import BrowserContext, SecretContext

router = APIRouter(prefix="/v1", tags=["recommendations"])
Word = Annotated[str, Field(min_length=1, max_length=200)]
ItemKey = Annotated[str, Path(min_length=1, max_length=200)]


class AttributesBody(BaseModel):
    """Keys with their values, such as `{"diet": ["vegan"], "allergens": []}`; an empty list says that there are none."""

    attributes: dict[Word, list[Word]] = Field(max_length=50)


class PreferenceBody(BaseModel):
    """One wish: an item must have the value, must never have it, or is liked (or disliked) for it."""

    kind: Kind
    key: Word
    value: Word
    weight: int = Field(default=MOST_WEIGHT, ge=-MOST_WEIGHT, le=MOST_WEIGHT)


class PreferencesBody(BaseModel):
    """All of a customer's wishes, in place of those before."""

    preferences: list[PreferenceBody] = Field(max_length=MOST_PREFERENCES)


@router.put("/items/{item}/attributes")
def put_attributes(item: ItemKey, body: AttributesBody, context: SecretContext) -> JSONResponse:
    """Say what an item is, in place of what was said before."""

    def work(unit: Unit) -> dict[str, Any]:
        return _item(item, describe_item(unit, item, body.attributes, now=context.now))

    return context.write(work, body=body)


@router.get("/items/{item}/attributes")
def get_attributes(item: ItemKey, context: SecretContext) -> dict[str, Any]:
    """What is known of an item; `is_described` is false where nothing was ever said."""
    with context.view() as unit:
        known = TasteStore(unit).attributes(item)
    return {**_item(item, known or {}), "is_described": known is not None}


@router.put("/customers/{key}/preferences")
def put_preferences(key: str, body: PreferencesBody, context: BrowserContext) -> JSONResponse:
    """Declare a customer's wishes; a browser declares those of the customer its token names."""
    given = [Preference(kind=one.kind, key=one.key, value=one.value, weight=one.weight) for one in body.preferences]

    def work(unit: Unit) -> dict[str, Any]:
        return _wishes(key, declare_preferences(unit, context.customer(key), given, now=context.now))

    context.customer(key)
    return context.write(work, body=body)


@router.get("/customers/{key}/preferences")
def get_preferences(key: str, context: BrowserContext) -> dict[str, Any]:
    """A customer's wishes; a browser reads those of the customer its token names."""
    asked = context.customer(key)
    with context.view() as unit:
        customer = CustomerStore(unit).get(asked)
        return _wishes(key, TasteStore(unit).preferences(customer.id))


def _item(item: str, attributes: dict[str, frozenset[str]]) -> dict[str, Any]:
    return {"item": item, "attributes": {key: sorted(values) for key, values in sorted(attributes.items())}}


def _wishes(key: str, preferences: tuple[Preference, ...]) -> dict[str, Any]:
    shown = [{"kind": one.kind.value, "key": one.key, "value": one.value, "weight": one.weight} for one in preferences]
    return {"customer": key, "preferences": shown}
