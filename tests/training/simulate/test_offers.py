"""The shop of offers: selling is the only thing that differs between two lives, and the books say what was lived."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.simulate.offers import PERIOD_WEEKS, PLANS, OfferWorld, draw_luck, draw_people
from training.simulate.offers_life import NEVER, Answer, Life, Lived, Nobody, Offered, Seen

WORLD = OfferWorld(customers=300, weeks=10, holdout=0.5)


class Always:
    """Shows the next plan to everybody who comes in, and keeps what it saw."""

    def __init__(self) -> None:
        self.answers: list[tuple[Seen, Answer]] = []

    def opens(self, coming: list[Seen]) -> None:
        """Nothing is prepared."""

    def offer(self, seen: Seen) -> Offered | None:
        """The next plan."""
        return Offered(PLANS[seen.plan + 1], "always") if seen.plan + 1 < len(PLANS) else None

    def answered(self, seen: Seen, _offered: Offered, answer: Answer) -> None:
        """Kept."""
        self.answers.append((seen, answer))


@pytest.fixture(scope="module")
def lives() -> tuple[Lived, Lived, np.ndarray[tuple[int], np.dtype[np.bool_]], Always]:
    """The same customers without offers and with offers all the time; half of them held out."""
    rng = np.random.default_rng(8)
    people = draw_people(WORLD, rng)
    luck = draw_luck(WORLD, people, rng)
    held_out = rng.random(len(people)) < WORLD.holdout
    seller = Always()
    without = Life(WORLD, people, luck, held_out).run(Nobody())
    return without, Life(WORLD, people, luck, held_out).run(seller), held_out, seller


def _all(lived: Lived) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    count = lived.shown.size
    return lived.books.sums(np.full(count, -1e9), np.full(count, 1e9))


def test_who_is_held_out_lives_as_if_nothing_were_sold(lives: tuple[Lived, Lived, np.ndarray, Always]) -> None:
    """To the cent, and until the same week; and they are met by offers as the others are."""
    without, sold, held_out, _ = lives

    assert (_all(without) == _all(sold))[held_out].all()
    assert (without.left_week == sold.left_week)[held_out].all()
    assert sold.shown[held_out].sum() == 0
    assert (sold.exposed_week[held_out] != NEVER).any()


def test_offers_move_some_and_drive_some_away(lives: tuple[Lived, Lived, np.ndarray, Always]) -> None:
    """Something is taken, and the annoyed leave sooner than they would have."""
    without, sold, held_out, seller = lives

    assert sold.accepted.sum() > 0
    assert (sold.left_week < without.left_week)[~held_out].any()
    assert all(not (answer.accepted and answer.dismissed) for _, answer in seller.answers)
    assert not any(answer.accepted for seen, answer in seller.answers if seen.held_out)


def test_before_the_first_offer_both_lives_are_one(lives: tuple[Lived, Lived, np.ndarray, Always]) -> None:
    """So that the past may stand beside what came after."""
    without, sold, _, _ = lives
    since, until = np.full(sold.shown.size, -1e9), np.minimum(sold.exposed_week, WORLD.weeks).astype(float)

    assert (without.books.sums(since, until) == sold.books.sums(since, until)).all()


def test_a_period_is_paid_once(lives: tuple[Lived, Lived, np.ndarray, Always]) -> None:
    """Who stays pays at least the fee of the smallest plan in every period."""
    without, _, _, _ = lives
    stayed = without.left_week == NEVER
    periods = WORLD.weeks // PERIOD_WEEKS
    least = without.books.sums(np.zeros(stayed.size), np.full(stayed.size, float(WORLD.weeks)))[stayed].min()

    assert least >= periods * WORLD.minor_of("starter") - WORLD.minor_of("pro")


def test_the_same_seed_is_the_same_shop() -> None:
    """And another one is not."""
    worlds = [replace(WORLD, customers=50, weeks=4)] * 2
    draws = [draw_people(world, np.random.default_rng(3)).eager for world in worlds]

    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draw_people(worlds[0], np.random.default_rng(4)).eager).any()
