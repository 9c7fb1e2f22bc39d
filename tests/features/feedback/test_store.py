"""Feedback in the database: pages, means that equal a plain recomputation, and turns that are taken once."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta
from statistics import fmean
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from features.feedback.feedback import ASK_EVERY, SCALES, Feedback
from features.feedback.store import AskStore, FeedbackStore
from tests.shop import START, Shop, open_shop
from tests.threads import together

if TYPE_CHECKING:
    from billing.db.session import Database

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine."""
    return open_shop(database)


def _ids(shop: Shop) -> dict[str, str]:
    with shop.database.view(shop.scope) as unit:
        return CustomerStore(unit).ids_by_key(("ann", "bob"))


def _said(ids: dict[str, str], rng: random.Random, number: int) -> Feedback:
    high = rng.choice(sorted(SCALES))
    kind, about = rng.choice([("box", "b1"), ("box", "b2"), ("product", "tea"), ("service", "")])
    return Feedback(
        id=f"fbk_{number:03d}",
        customer_id=ids[rng.choice(("ann", "bob"))],
        about_kind=kind,
        about=about,
        rating=rng.randint(SCALES[high], high),
        high=high,
        reason=f"because {number}",
        at=START + number * DAY,
    )


def test_means_and_pages_are_those_of_the_rows(shop: Shop) -> None:
    """Sixty ratings of four things on two scales, over any span."""
    ids, rng = _ids(shop), random.Random(3)
    said = [_said(ids, rng, number) for number in range(60)]
    with shop.database.unit(shop.scope) as unit:
        for each in said:
            FeedbackStore(unit).add(each)
    since, until = START + 10 * DAY, START + 50 * DAY
    inside = [each for each in said if since <= each.at < until]
    groups: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for each in inside:
        groups[each.about_kind, each.about].append(each.share)

    with shop.database.view(shop.scope) as unit:
        store = FeedbackStore(unit)
        means = {(each.about_kind, each.about): (each.count, each.mean) for each in store.means(since, until)}
        first = store.page(limit=7, about_kind="box")
        rest = store.page(limit=100, about_kind="box", cursor=first.next_cursor)

    assert means == {key: (len(each), pytest.approx(fmean(each))) for key, each in groups.items()}
    assert [*first.items, *rest.items] == [each for each in reversed(said) if each.about_kind == "box"]


def test_a_turn_is_taken_once_in_thirty_days_by_whoever_comes_first(shop: Shop) -> None:
    """Of four at once one; the thirtieth day is the next."""
    ann = _ids(shop)["ann"]

    def take(_number: int) -> bool:
        with shop.database.unit(shop.scope) as unit:
            return AskStore(unit).take_turn(ann, START)

    assert sorted(map(str, together(4, take))) == ["False", "False", "False", "True"]
    with shop.database.unit(shop.scope) as unit:
        store = AskStore(unit)
        assert [store.take_turn(ann, START + ASK_EVERY - TICK), store.take_turn(ann, START + ASK_EVERY)] == [
            False,
            True,
        ]
        assert store.asked_at(ann) == START + ASK_EVERY
