"""Lives the weeks of a shop of offers under one way of selling, and writes down what the shop's books would hold.

A seller is asked at each visit, for those held out too: what it would have shown them is their counterfactual exposure, and changes
nothing. Customers differ between two ways of selling only by what was shown to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from training.simulate.offers import (
    ADDONS,
    BOOST,
    BOOST_UNITS,
    BOX,
    DELIVERIES,
    EARLY,
    LIMITS,
    PERIOD_WEEKS,
    PLANS,
    TASTINGS,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.simulate.offers import Luck, OfferWorld, People

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

SURE_TO_DENY: Final = 0.55  # of the weeks in which somebody who wants a feature comes, those in which they try it
FADES: Final = 0.75  # of what prompts did to somebody, what is left after a week
TROUBLE: Final = 3.0  # how much worse a prompt is in the middle of trouble
NEVER: Final = 10_000
VISIT_HOUR_SHARE: Final = 0.5  # a visit is in the middle of its week


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the shop knows of a customer who comes in; `period_from` is the week in which their present period began."""

    customer: int
    week: int
    period_from: int
    plan: int
    addons: tuple[str, ...]
    used: int
    limit: int | None
    denials: dict[str, int]
    looked_at_prices: bool
    ticket_open: bool
    payment_failed: bool
    joined_weeks: int
    visits_4w: int
    tickets: int
    paid_minor: int
    held_out: bool

    @property
    def ratio(self) -> float:
        """The share of the limit that is used; 0 without a limit."""
        return 0.0 if not self.limit else self.used / self.limit


@dataclass(frozen=True, slots=True)
class Offered:
    """What a seller shows, or would: the target and the reason it was raised by."""

    target: str
    rule: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a customer did with what was shown to them; those held out do neither."""

    accepted: bool = False
    dismissed: bool = False


class Seller(Protocol):
    """A way of selling."""

    def opens(self, coming: list[Seen]) -> None:
        """A week begins: everybody who will come in, so that scores can be made for all at once."""

    def offer(self, seen: Seen) -> Offered | None:
        """What to show this customer now (for those held out: what would be shown)."""

    def answered(self, seen: Seen, offered: Offered, answer: Answer) -> None:
        """What came of it."""


class Nobody:
    """Shows nothing to anybody."""

    def opens(self, coming: list[Seen]) -> None:
        """Nothing is prepared."""

    def offer(self, _seen: Seen) -> Offered | None:
        """Nothing."""
        return None

    def answered(self, _seen: Seen, _offered: Offered, _answer: Answer) -> None:
        """Nothing is ever offered, so nothing is answered."""


@dataclass(slots=True)
class Books:
    """One entry a fact: who, when (in weeks and parts of them since the start), how much, and what it cost the shop; minor units."""

    customer: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    amount_minor: list[int] = field(default_factory=list)
    cost_minor: list[int] = field(default_factory=list)

    def add(self, customer: int, at: float, amount_minor: int, cost_minor: int) -> None:
        """One fact."""
        self.customer.append(customer)
        self.at.append(at)
        self.amount_minor.append(amount_minor)
        self.cost_minor.append(cost_minor)

    def sums(self, since: Floats, until: Floats, *, margin: bool = False) -> Floats:
        """Shape (customers,): what each brought from their own `since` on and before their `until`, in weeks."""
        customer, at = np.asarray(self.customer, dtype=np.int64), np.asarray(self.at)
        amount = np.asarray(self.amount_minor, dtype=np.float64)
        if margin:
            amount = amount - np.asarray(self.cost_minor, dtype=np.float64)
        if customer.size == 0:
            return np.zeros(since.size)
        counts = (at >= since[customer]) & (at < until[customer])
        summed = np.bincount(customer[counts], weights=amount[counts], minlength=since.size)
        return np.asarray(summed, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What became of everybody: the books, showings and acceptances by customer, and (customer, week) of each purchase.

    `exposed_week` is the week of the first exposure and `left_week` that of leaving, NEVER for none.
    """

    books: Books
    exposed_week: Ints
    rule: tuple[str, ...]
    left_week: Ints
    shown: Ints
    accepted: Ints
    bought: tuple[tuple[int, int], ...]


class Life:
    """The state of everybody while weeks go by."""

    def __init__(self, world: OfferWorld, people: People, luck: Luck, held_out: Flags) -> None:
        self._world, self._people, self._luck, self._held_out = world, people, luck, held_out
        count = len(people)
        self.books = Books()
        self.here = np.ones(count, dtype=np.bool_)
        self.plan = people.plan.copy()
        self.addons: list[set[str]] = [set() for _ in range(count)]
        self.used = np.zeros(count, dtype=np.int64)
        self.irritation = np.zeros(count)
        self.persuaded = np.zeros(count, dtype=np.bool_)
        self.refundable = np.zeros(count, dtype=np.int64)
        self.visited = np.zeros((world.weeks + PERIOD_WEEKS, count), dtype=np.bool_)
        self.tickets = np.zeros(count, dtype=np.int64)
        self.paid = np.zeros(count, dtype=np.int64)
        self.exposed = np.full(count, NEVER, dtype=np.int64)
        self.rule = [""] * count
        self.left = np.full(count, NEVER, dtype=np.int64)
        self.shown = np.zeros(count, dtype=np.int64)
        self.accepted = np.zeros(count, dtype=np.int64)
        self.bought: list[tuple[int, int]] = []
        self._before()

    def run(self, seller: Seller) -> Lived:
        """All weeks, one after the other."""
        for week in range(self._world.weeks):
            self._week(week, seller)
        return Lived(
            books=self.books,
            exposed_week=self.exposed,
            rule=tuple(self.rule),
            left_week=self.left,
            shown=self.shown,
            accepted=self.accepted,
            bought=tuple(self.bought),
        )

    def _before(self) -> None:
        """The two periods before the start were paid for as well: the past that a report compares with."""
        for customer, phase in enumerate(self._people.phase.tolist()):
            for period in (1, 2):
                if self._people.joined_weeks[customer] >= PERIOD_WEEKS * period:
                    self._bill(customer, phase - PERIOD_WEEKS * period)

    def _week(self, week: int, seller: Seller) -> None:
        luck, people = self._luck, self._people
        leaving = self.here & (luck.leave[week] < np.minimum(people.leaves + self.irritation, 0.9))
        self.left[leaving] = week
        self.here &= ~leaving
        self.irritation *= FADES
        self.tickets += luck.ticket[week] < people.troubled
        for customer in np.flatnonzero(self.here & (people.phase == week % PERIOD_WEEKS)).tolist():
            self.used[customer] = 0
            self._regret(customer, week)
            self._bill(customer, week)
        self.used += luck.deliveries[week] * self.here
        for customer in np.flatnonzero(self.here & (luck.shopping_minor[week] > 0)).tolist():
            spent = int(luck.shopping_minor[week, customer])
            self._book(customer, week + 0.3, spent, spent // 2)
        visits = self.here & (luck.visit[week] < people.visits)
        self.visited[week + PERIOD_WEEKS] = visits
        coming = [self._seen(customer, week) for customer in np.flatnonzero(visits).tolist()]
        seller.opens(coming)
        for seen in coming:
            self._visit(seen, seller)

    def _visit(self, seen: Seen, seller: Seller) -> None:
        """A customer comes in: perhaps buys unasked, and else may be shown something."""
        customer, week = seen.customer, seen.week
        if self._luck.alone[week, customer] < self._people.alone[customer] and self._is_full(customer):
            self._buy(customer, week + VISIT_HOUR_SHARE, PLANS[min(self.plan[customer] + 1, 2)])
            return
        offered = seller.offer(seen)
        if offered is None:
            return
        if self.exposed[customer] == NEVER:
            self.exposed[customer], self.rule[customer] = week, offered.rule
        if seen.held_out:
            seller.answered(seen, offered, Answer())
            return
        self.shown[customer] += 1
        accepted = bool(self._luck.take[week, customer] < self.chance(seen, offered.target))
        dismissed = not accepted and bool(
            self._luck.take[week, customer] > 0.6
        )  # of those who don't take it, four in ten wave it away
        trouble = TROUBLE if seen.ticket_open or seen.payment_failed else 1.0
        self.irritation[customer] += 0.0 if accepted else float(self._people.hurt[customer]) * trouble
        if accepted:
            self.accepted[customer] += 1
            self.persuaded[customer] = True
            self._buy(customer, week + VISIT_HOUR_SHARE, offered.target)
        seller.answered(seen, offered, Answer(accepted, dismissed))

    def chance(self, seen: Seen, target: str) -> float:
        """The true chance that a customer takes a target now: the need it meets, less what its price puts off."""
        people, who = self._people, seen.customer
        fits = self._fit(seen, target)
        price = self._world.minor_of(target) - (0 if target in ADDONS else self._world.minor_of(PLANS[seen.plan]))
        calm = 0.4 if seen.ticket_open or seen.payment_failed else 1.0
        return float(people.eager[who] * fits * calm * np.exp(-people.care[who] * price / 1500))

    def _fit(self, seen: Seen, target: str) -> float:
        full = min(max((seen.ratio - 0.5) / 0.5, 0.0), 1.0)
        early = float(bool(self._people.wants_early[seen.customer]))
        if target == BOX:
            return 0.9 if self._people.wants_box[seen.customer] else 0.05
        if target == BOOST:
            return full
        return min(1.0, full + 0.8 * early) if seen.plan == 0 else full

    def _tried(self, customer: int, week: int) -> dict[str, int]:
        tries = int(self._luck.denials[week, customer])
        denied: dict[str, int] = {}
        if tries and self._luck.look[week, customer] < SURE_TO_DENY:
            if self._people.wants_early[customer] and self.plan[customer] == 0:
                denied[EARLY] = tries
            if self._people.wants_box[customer] and BOX not in self.addons[customer]:
                denied[TASTINGS] = tries
        return denied

    def _limit(self, customer: int) -> int | None:
        limit = LIMITS[self.plan[customer]]
        return None if limit is None else limit + BOOST_UNITS * (BOOST in self.addons[customer])

    def _is_full(self, customer: int) -> bool:
        limit = self._limit(customer)
        return limit is not None and int(self.used[customer]) >= limit

    def _seen(self, customer: int, week: int) -> Seen:
        luck, limit = self._luck, self._limit(customer)
        denied = self._tried(customer, week)
        if limit is not None and self.used[customer] > limit:
            denied[DELIVERIES] = int(self.used[customer]) - limit
        return Seen(
            customer=customer,
            week=week,
            period_from=week - (week - int(self._people.phase[customer])) % PERIOD_WEEKS,
            plan=int(self.plan[customer]),
            addons=tuple(sorted(self.addons[customer])),
            used=int(self.used[customer]) if limit is None else min(int(self.used[customer]), limit),
            limit=limit,
            denials=denied,
            looked_at_prices=bool(luck.look[week, customer] > 1 - 0.6 * self._people.eager[customer]),
            ticket_open=bool(luck.ticket[week, customer] < self._people.troubled[customer]),
            payment_failed=bool(luck.failed[week, customer] < self._people.troubled[customer] / 3),
            joined_weeks=int(self._people.joined_weeks[customer]) + week,
            visits_4w=int(self.visited[week + 1 : week + PERIOD_WEEKS + 1, customer].sum()),
            tickets=int(self.tickets[customer]),
            paid_minor=int(self.paid[customer]),
            held_out=bool(self._held_out[customer]),
        )

    def _buy(self, customer: int, at: float, target: str) -> None:
        """The rest of the period is paid at once, the full price from the next on."""
        left = (int(self._people.phase[customer]) - at) % PERIOD_WEEKS / PERIOD_WEEKS
        before = 0 if target in ADDONS else self._world.minor_of(PLANS[self.plan[customer]])
        due = round((self._world.minor_of(target) - before) * left)
        if target in ADDONS:
            self.addons[customer].add(target)
        else:
            self.plan[customer] = PLANS.index(target)
        self.refundable[customer] = due
        self.bought.append((customer, int(at)))
        self._book(customer, at, due, round(due * (1 - self._world.margin_of(target))))

    def _regret(self, customer: int, week: int) -> None:
        """Who was persuaded without need goes back more often, and some get back what they had paid."""
        chance = 0.05 if self.persuaded[customer] else 0.01
        if self._luck.regret[week, customer] >= chance:
            return
        if self._luck.refund[week, customer] < 0.4 and self.refundable[customer]:  # two in five ask for their money
            self._book(customer, float(week), -int(self.refundable[customer]), 0)
        if self.addons[customer]:
            self.addons[customer].clear()
        elif self.plan[customer] > self._people.plan[customer]:
            self.plan[customer] = int(self._people.plan[customer])
        self.refundable[customer] = 0

    def _bill(self, customer: int, week: int) -> None:
        for target in (PLANS[self.plan[customer]], *sorted(self.addons[customer])):
            price = self._world.minor_of(target)
            self._book(customer, float(week), price, round(price * (1 - self._world.margin_of(target))))

    def _book(self, customer: int, at: float, amount_minor: int, cost_minor: int) -> None:
        self.paid[customer] += amount_minor
        self.books.add(customer, at, amount_minor, cost_minor)
