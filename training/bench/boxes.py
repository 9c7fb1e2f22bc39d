"""The next box at scale: seconds, memory, rules kept, and how much worth it finds beside greedy choices and beside what no choice exceeds.

The shop is simulated: tastes over attributes, costs, categories, a stock that is a little more than enough, and budgets that are tight for
some. On small shops the answer stands beside an exact solver's (HiGHS), on the big one beside a Lagrangian bound.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import coo_array

from models.box.choose import ChooseConfig, choose_boxes, values
from models.box.mend import Mending
from models.box.prices import FILL, bound, cost_of, market
from models.box.problem import EMPTY, Boxes, Shelf, Wishes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.box.alone import Values
    from models.box.problem import Codes

    Tell = Callable[[str], None]

CONFIG: Final = ChooseConfig()
_ATTRIBUTES: Final = 20
_CATEGORIES: Final = 8
_SPARE_STOCK: Final = 1.15
_BUDGETS: Final = (0.88, 1.0, 1.2)  # of what an average box costs; a quarter of the subscribers has none that binds
_SMALL: Final = (60, 24)
_BLOCK: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One way of choosing: slots filled, the worth of what fills them, how long it took by the wall and by the processor."""

    name: str
    filled: int
    worth: float
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxesReport:
    """`bound` is the most that the filled and unfilled slots of any choice could be worth, at `FILL` a filled slot.

    `small_gaps` is what is lost on small shops beside an exact solver, in percent of its worth, slots filled counted at `FILL` as well.
    """

    subscribers: int
    items: int
    slots: int
    seed: int
    ways: tuple[Chosen, ...]
    bound: float
    bound_seconds: float
    peak_mb: int
    breaches: tuple[str, ...]
    small_gaps: tuple[float, ...]
    small_filled: tuple[tuple[int, int], ...]

    @property
    def gap_percent(self) -> float:
        """How far the first way is from the bound at most, in percent of it, filled slots counted."""
        ours = self.ways[0]
        return 100 * (self.bound - float(FILL) * ours.filled - ours.worth) / self.bound

    @property
    def worth_gap_percent(self) -> float:
        """The same of worth alone, as if every slot that stayed empty could have been filled."""
        ours = self.ways[0]
        most = self.bound - float(FILL) * self.subscribers * self.slots
        return 100 * (most - ours.worth) / most


def simulate_shop(subscribers: int, items: int, slots: int, seed: int) -> tuple[Wishes, Shelf]:
    """A shop whose stock and budgets bind: some items are wanted by many more than there are, and most budgets bind."""
    rng = np.random.default_rng(seed)
    has = rng.random((items, _ATTRIBUTES)) < 0.15
    taste = rng.beta(2, 2, (subscribers, _ATTRIBUTES)).astype(np.float32)
    own = taste @ has.T.astype(np.float32) / np.maximum(has.sum(axis=1), 1).astype(np.float32)
    liked = rng.random(items).astype(np.float32)
    cost = rng.integers(150, 900, items)
    shelf = Shelf(
        category=rng.integers(0, _CATEGORIES, items).astype(np.int32),
        cost_minor=cost,
        stock=np.ceil(rng.dirichlet(np.full(items, 3.0)) * subscribers * slots * _SPARE_STOCK).astype(np.int64),
    )
    average = float(cost @ shelf.stock) / float(shelf.stock.sum()) * slots
    budgets = np.array([*(int(share * average) for share in _BUDGETS), 1_000 * slots])
    wishes = Wishes(
        worth=np.clip(np.float32(0.7) * own + np.float32(0.3) * liked, 0, 1),
        allowed=rng.random((subscribers, items)) < 0.85,
        slots=np.full(subscribers, slots, dtype=np.int32),
        budget_minor=rng.choice(budgets, subscribers).astype(np.int64),
    )
    return wishes, shelf


def bench_boxes(
    *, subscribers: int, items: int, slots: int, seed: int, small: int = 5, tell: Tell | None = None
) -> BoxesReport:
    """Choose everybody's box three ways, check the rules, and bound the best there can be."""
    say = tell or (lambda _: None)
    wishes, shelf = simulate_shop(subscribers, items, slots, seed)
    value = values(wishes, shelf, CONFIG.margin_weight)
    boxes, ours = _timed("all together", lambda: choose_boxes(wishes, shelf, config=CONFIG, tell=tell).items, value)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    say("greedy by items")
    _, by_item = _timed("greedy by items", lambda: greedy_items(wishes, shelf, value), value)
    say("greedy by boxes")
    _, by_box = _timed("greedy by boxes", lambda: greedy_boxes(wishes, shelf, value), value)
    say("the bound")
    started = time.perf_counter()
    most = bound(value, wishes, shelf, market(value, wishes, shelf))
    elapsed = time.perf_counter() - started
    gaps, filled = _small_gaps(small, slots, seed, say)
    return BoxesReport(
        subscribers=subscribers,
        items=items,
        slots=slots,
        seed=seed,
        ways=(ours, by_box, by_item),
        bound=most,
        bound_seconds=elapsed,
        peak_mb=peak,
        breaches=breaches(boxes, wishes, shelf),
        small_gaps=gaps,
        small_filled=filled,
    )


def breaches(boxes: Codes, wishes: Wishes, shelf: Shelf) -> tuple[str, ...]:
    """Every rule that does not hold of these boxes, with how often; nothing where all do."""
    row, place = np.nonzero(boxes != EMPTY)
    item = boxes[row, place].astype(np.int64)
    pair = row * shelf.items + item
    kind = row * (int(shelf.category.max()) + 1) + shelf.category[item]
    counts = np.bincount(kind, minlength=wishes.subscribers * (int(shelf.category.max()) + 1))
    alike = counts.reshape(wishes.subscribers, -1).max(axis=1)
    found = {
        "items given beyond their stock": int((Boxes(items=boxes, rounds=0).used(shelf.items) > shelf.stock).sum()),
        "boxes with more than their slots": int((np.bincount(row, minlength=wishes.subscribers) > wishes.slots).sum()),
        "boxes with an item twice": int(pair.size - np.unique(pair).size),
        "items that must not come": int((~wishes.allowed[row, item]).sum()),
        "boxes with too many of a category": int((alike > wishes.caps(shelf)).sum()),
        "boxes above their budget": int((cost_of(boxes, shelf) > wishes.budget_minor).sum()),
    }
    return tuple(f"{count} {what}" for what, count in found.items() if count)


def greedy_items(wishes: Wishes, shelf: Shelf, value: Values) -> Codes:
    """One subscriber after the other takes the most valued items that still fit: what a loop over the customers would do."""
    left, boxes = shelf.stock.tolist(), np.full((wishes.subscribers, int(wishes.slots.max())), EMPTY, dtype=np.int32)
    cost, kind, caps = shelf.cost_minor.tolist(), shelf.category.tolist(), wishes.caps(shelf).tolist()
    for start in range(0, wishes.subscribers, _BLOCK):
        order = np.argsort(-value[start : start + _BLOCK], axis=1, kind="stable").tolist()
        for at, items in enumerate(order, start=start):
            budget, held, kinds = int(wishes.budget_minor[at]), 0, dict[int, int]()
            for item in items:
                if held == wishes.slots[at] or value[at, item] < 0:
                    break
                if left[item] and cost[item] <= budget and kinds.get(kind[item], 0) < caps[at]:
                    boxes[at, held] = item
                    held, budget = held + 1, budget - cost[item]
                    kinds[kind[item]] = kinds.get(kind[item], 0) + 1
                    left[item] -= 1
    return boxes


def greedy_boxes(wishes: Wishes, shelf: Shelf, value: Values) -> Codes:
    """A few subscribers after the others take the box that is best for them out of what is left, exactly: as good as going in turn gets."""
    empty = np.full((wishes.subscribers, int(wishes.slots.max())), EMPTY, dtype=np.int32)
    spend = np.full(wishes.subscribers, 1 / max(float(shelf.cost_minor.mean()) * 8, 1.0), dtype=np.float32)
    mending = Mending.of(wishes, shelf, value, spend, empty)
    free = np.zeros(shelf.items, dtype=np.float32)
    for start in range(0, wishes.subscribers, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, wishes.subscribers))
        for _ in range(3):
            rows = mending.sell(rows, free)
    return mending.boxes


def exact_boxes(wishes: Wishes, shelf: Shelf, value: Values, *, seconds: float = 30.0) -> tuple[int, float]:
    """(slots filled, their worth) of the best choice there is, by mixed-integer programming over every pair (HiGHS)."""
    row, item = np.nonzero(wishes.allowed)
    pairs, one = np.arange(row.size), np.ones(row.size)
    kinds = int(shelf.category.max()) + 1
    limits: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = [
        (row, one, wishes.slots),
        (item, one, shelf.stock),
        (row * kinds + shelf.category[item], one, np.repeat(wishes.caps(shelf), kinds)),
        (row, shelf.cost_minor[item].astype(float), wishes.budget_minor),
    ]
    constraints = [
        LinearConstraint(coo_array((size, (group, pairs)), shape=(most.size, row.size)).tocsr(), -np.inf, most)
        for group, size, most in limits
    ]
    options = {"time_limit": seconds, "mip_rel_gap": 1e-6}
    found = milp(
        -(float(FILL) + value[row, item]), constraints=constraints, integrality=1, bounds=(0, 1), options=options
    )
    taken = found.x > 0.5
    return int(taken.sum()), float(value[row[taken], item[taken]].sum())


def _small_gaps(count: int, slots: int, seed: int, say: Tell) -> tuple[tuple[float, ...], tuple[tuple[int, int], ...]]:
    gaps, filled = [], []
    for number in range(count):
        say(f"small shop {number + 1} of {count} beside an exact solver")
        wishes, shelf = simulate_shop(*_SMALL, min(slots, 4), seed + 1 + number)
        value = values(wishes, shelf, CONFIG.margin_weight)
        most_filled, most = exact_boxes(wishes, shelf, value)
        have, worth = _sum(choose_boxes(wishes, shelf, config=CONFIG).items, value)
        best = float(FILL) * most_filled + most
        gaps.append(100 * (best - float(FILL) * have - worth) / best)
        filled.append((have, most_filled))
    return tuple(gaps), tuple(filled)


def _timed(name: str, choose: Callable[[], Codes], value: Values) -> tuple[Codes, Chosen]:
    wall, cpu = time.perf_counter(), time.process_time()
    boxes = choose()
    seconds, used = time.perf_counter() - wall, time.process_time() - cpu
    filled, worth = _sum(boxes, value)
    return boxes, Chosen(name=name, filled=filled, worth=worth, seconds=seconds, cpu_seconds=used)


def _sum(boxes: Codes, value: Values) -> tuple[int, float]:
    row, place = np.nonzero(boxes != EMPTY)
    return int(row.size), float(value[row, boxes[row, place]].sum(dtype=np.float64))
