"""The uplift job: it learns from offers made and kept back, and says what is missing where there are too few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from billing.db.migrate import upgrade
from billing.db.session import Database
from features.decisions.store import HELD_OUT, Decision, DecisionStore
from features.scores.store import ScoreStore
from features.sources import instant_of
from models.registry.memory import MemoryRegistry
from models.uplift.contract import experiment
from tests.training.stocked import Stocked, stock
from training.context import JobContext
from training.pipelines import uplift
from training.simulate.history import history_of
from training.simulate.shop import simulate
from training.simulate.spec import ShopSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.history import History


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stocked]:
    """A small shop whose past offers stand as decisions, those of the control as kept back."""
    url = f"sqlite:///{tmp_path_factory.mktemp('offered') / 'uptier.db'}"
    upgrade(url)
    database = Database(url)
    found = stock(database, simulate(ShopSpec(customers=500, days=210, seed=4)))
    offers = found.shop.offers
    columns = (offers.customer.tolist(), offers.at_us.tolist(), offers.treated.tolist())
    with database.unit(found.scope) as unit:
        for number, (customer, at_us, treated) in enumerate(zip(*columns, strict=True)):
            DecisionStore(unit).add(
                Decision(
                    id=f"dec_{number:06d}",
                    customer_id=found.ids[customer],
                    placement="account",
                    target="plus" if treated else None,
                    target_kind="plan" if treated else None,
                    quote_id=None,
                    message="",
                    reason="likely_upgrade" if treated else HELD_OUT,
                    trace={},
                    would_target=None if treated else "plus",
                    is_held_out=not treated,
                    decided_at=instant_of(at_us),
                    expires_at=None,
                )
            )
    yield found
    database.close()


@pytest.fixture(scope="module")
def past(offered: Stocked) -> History:
    """The small shop as training reads it, without a database between."""
    return history_of(offered.shop, offered.ids)


def _context(stocked: Stocked, history: History, erased: tuple[str, ...] = ()) -> JobContext:
    return JobContext(
        database=stocked.database,
        scope=stocked.scope,
        registry=MemoryRegistry(),
        history=history,
        now=stocked.now,
        seed=0,
        tell=lambda _words: None,
        erased=erased,
    )


def test_offers_made_and_kept_back_are_an_experiment(offered: Stocked, past: History) -> None:
    """A model is published with the draw checked and the effect on the card; every subscriber has a score, but for the erased."""
    erased = offered.ids[0]
    context = _context(offered, past, (erased,))
    report = uplift.run(context)
    champion = context.registry.champion(context.scope.tenant_id, uplift.TASK)

    assert report.promoted, report.reason
    assert champion is not None
    assert [check["name"] for check in (champion.card.gate or {})["checks"]] == ["draw", "heterogeneity"]
    assert champion.card.details["treated"] + champion.card.details["control"] == champion.card.rows
    with context.database.view(context.scope) as unit:
        scores = ScoreStore(unit).of_task(uplift.TASK)
    assert len(scores) > 100
    assert erased not in scores
    assert {score.version for score in scores.values()} == {champion.version}
    assert all(score.document["treat"] == (score.value > 0) for score in scores.values())


def test_the_outcome_is_what_the_shop_logged(offered: Stocked, past: History) -> None:
    """A customer's first decision only, and an upgrade within thirty days exactly where the simulation says so."""
    context = _context(offered, past)
    with context.database.view(context.scope) as unit:
        rows = DecisionStore(unit).assignments_before(offered.now)
    offers = offered.shop.offers
    logged: dict[str, bool] = {}
    for customer, upgraded in zip(offers.customer.tolist(), offers.upgraded_within_30d.tolist(), strict=True):
        logged.setdefault(offered.ids[customer], upgraded)

    assert len({row.customer_id for row in rows}) == len(rows) == len(logged)
    assert uplift.upgrades_of(context.history, rows).tolist() == [float(logged[row.customer_id]) for row in rows]


def test_without_an_experiment_the_job_says_what_is_missing(stocked: Stocked, history: History) -> None:
    """No decisions: nothing is trained, and offers go on by what was taken so far."""
    report = uplift.run(_context(stocked, history))

    assert report.version is None
    assert report.reason.startswith("Not trained: no offer has been decided")
    assert report.reason.endswith("offers go on by what was taken so far.")


def test_a_draw_that_was_not_random_teaches_nothing() -> None:
    """Offers that went to the busy say nothing of what an offer does."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2000, 3))
    chosen = features[:, 0] + rng.normal(size=2000) > 0
    data = experiment(features, chosen, (rng.random(2000) < 0.2).astype(float))

    learned = uplift.learn(data, ("a", "b", "c"), rng)

    assert learned.model is None
    assert not learned.gate.promote
    assert "not random" in learned.gate.reason
