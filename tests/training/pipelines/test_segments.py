"""What a training run leaves of segments: clusters, stages and RFM of everybody, told once, and nothing more when it runs again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.db.outbox import waiting_facts
from features.segments.rfm import NAMES
from features.segments.standing.store import StandingStore

if TYPE_CHECKING:
    from tests.training.conftest import Trained


def test_everybody_stands_in_the_life_cycle_and_buyers_in_a_class(trained: Trained) -> None:
    """In a copy of nothing: the run itself placed them."""
    with trained.stocked.database.view(trained.stocked.scope) as unit:
        sizes = StandingStore(unit).sizes()
        facts = [fact for fact in waiting_facts(unit, limit=100_000) if fact.kind == "segment.entered"]

    told = dict.fromkeys(("clusters", "life_cycle", "rfm"), 0)
    for fact in facts:
        told[fact.payload["scheme"]] += len(fact.payload["customers"])
    assert set(sizes["rfm"]) <= set(NAMES)
    assert len(sizes["life_cycle"]) >= 3
    assert told["clusters"] >= len(trained.members)
    assert told["life_cycle"] >= sum(sizes["life_cycle"].values())


def test_the_report_says_how_many_customers_a_refit_moves(trained: Trained) -> None:
    """On the first fit nobody moved, and the card says so by saying nothing."""
    champion = trained.registry.champion(trained.tenant, "segments")

    assert champion is not None
    assert "share_moved" in champion.card.details
