"""What subscribers would like of a shelf: wishes, past boxes, swaps and ratings, read into the arrays that boxes are chosen from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from billing.customers.audience_store import AudienceStore
from billing.customers.store import CustomerStore
from billing.tastes.store import TasteStore
from billing.tastes.taste import HARMFUL, NOTHING_KNOWN, Kind, admits
from features.boxes.chosen.store import ActStore, BoxStore
from features.boxes.store import ShelfStore
from features.contact.consent import OPTED_OUT
from models.box.taste import Act, Tastes, Told, faded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from billing.db.session import Unit
    from billing.tastes.taste import Attributes, Preference
    from features.boxes.box_plan import ShelfItem

MEMORY = timedelta(days=400)
"""How long acts and past boxes count; what is half a year old counts half."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Palates:
    """Rows are customers in the order asked for; `attributes` and `names` are of the shelf's items, in its order.

    `admitted` is what the declared wishes let through and `boxes_ago` how many boxes ago an item was had (0: never, 1: the last one),
    both of shape (customers, items).
    """

    tastes: Tastes
    attributes: NDArray[np.bool_]
    names: tuple[str, ...]
    admitted: NDArray[np.bool_]
    boxes_ago: NDArray[np.int64]

    def worth(self) -> NDArray[np.float32]:
        """How good each item would be, between 0 and 1: what was had lately is worth less."""
        return faded(self.tastes.worth(self.attributes), self.boxes_ago)


@dataclass(frozen=True, slots=True)
class _History:
    """Past boxes as (customer code, box's place from the last one, items), and everything that was told about items."""

    boxes: tuple[tuple[int, int, tuple[str, ...]], ...]
    told: tuple[tuple[int, str, Act, float], ...]


def read_palates(
    unit: Unit, customers: Sequence[str], shelf: Sequence[ShelfItem], *, now: datetime, apart_from: str = ""
) -> Palates:
    """The palates of these customers (by id) over a shelf; what others think of an item counts when many are read together.

    Boxes of the period `apart_from` are not of the past: it is the one that is chosen or changed.
    """
    code_of = {customer: code for code, customer in enumerate(customers)}
    history = _history(unit, code_of, now, apart_from)
    known = TasteStore(unit).all_attributes()
    keys = _universe(shelf, history)
    words = [_words(key, known, shelf_item) for key, shelf_item in keys.items()]
    names = tuple(sorted({name for each in words for name in each}))
    place = {name: at for at, name in enumerate(names)}
    matrix = np.zeros((len(keys), len(names)), dtype=bool)
    for row, each in enumerate(words):
        matrix[row, [place[name] for name in each]] = True
    wishes = _wishes(unit, customers)
    tastes = _declared(wishes, code_of, place, len(keys))
    index = {key: at for at, key in enumerate(keys)}
    told = [Told(subscriber=who, item=index[item], act=act, days_ago=days) for who, item, act, days in history.told]
    learned = tastes.learn(told, matrix)
    on_shelf = slice(0, len(shelf))  # the shelf's own items come first
    return Palates(
        tastes=Tastes(
            likes=learned.likes,
            dislikes=learned.dislikes,
            item_likes=learned.item_likes[on_shelf],
            item_dislikes=learned.item_dislikes[on_shelf],
        ),
        attributes=matrix[on_shelf],
        names=names,
        admitted=_admitted(wishes, code_of, shelf, known),
        boxes_ago=_boxes_ago(history, len(customers), {item.item: at for at, item in enumerate(shelf)}),
    )


def _wishes(unit: Unit, customers: Sequence[str]) -> Mapping[str, tuple[Preference, ...]]:
    if len(customers) == 1:
        return {customers[0]: TasteStore(unit).preferences(customers[0])}
    return TasteStore(unit).all_preferences()


def _universe(shelf: Sequence[ShelfItem], history: _History) -> dict[str, ShelfItem | None]:
    """The shelf's items, then those that are only remembered."""
    found: dict[str, ShelfItem | None] = {item.item: item for item in shelf}
    for _, item, _, _ in history.told:
        found.setdefault(item, None)
    return found


def _words(item: str, known: Mapping[str, Attributes], on_shelf: ShelfItem | None) -> list[str]:
    """What an item is, in words that stand in a reason; what can harm is no matter of taste. Of what nobody described, its category."""
    found = [
        f"{value} {key}"
        for key, values in known.get(item, NOTHING_KNOWN).items()
        if key not in HARMFUL
        for value in values
    ]
    return found or ([on_shelf.category] if on_shelf is not None and on_shelf.category else [])


def _declared(
    wishes: Mapping[str, tuple[Preference, ...]], code_of: Mapping[str, int], place: Mapping[str, int], items: int
) -> Tastes:
    likes = np.zeros((len(code_of), len(place)), dtype=bool)
    dislikes = np.zeros_like(likes)
    for customer, declared in wishes.items():
        for one in declared if customer in code_of else ():
            at = place.get(f"{one.value} {one.key}")
            if one.kind is Kind.LIKE and at is not None and one.weight:
                (likes if one.weight > 0 else dislikes)[code_of[customer], at] = True
    return Tastes.declared(likes, dislikes, items)


def _admitted(
    wishes: Mapping[str, tuple[Preference, ...]],
    code_of: Mapping[str, int],
    shelf: Sequence[ShelfItem],
    known: Mapping[str, Attributes],
) -> NDArray[np.bool_]:
    """Each hard wish is asked of each item once, however many have it."""
    admitted = np.ones((len(code_of), len(shelf)), dtype=bool)
    let_through: dict[Preference, NDArray[np.bool_]] = {}
    for customer, declared in wishes.items():
        for one in declared if customer in code_of else ():
            if not one.is_hard:
                continue
            if one not in let_through:
                let_through[one] = np.array([admits([one], known.get(each.item, NOTHING_KNOWN)) for each in shelf])
            admitted[code_of[customer]] &= let_through[one]
    return admitted


def _boxes_ago(history: _History, customers: int, place: Mapping[str, int]) -> NDArray[np.int64]:
    ago = np.zeros((customers, len(place)), dtype=np.int64)
    for who, back, items in history.boxes:  # the last box comes last and stays
        ago[who, [place[item] for item in items if item in place]] = back
    return ago


def _history(unit: Unit, code_of: Mapping[str, int], now: datetime, apart_from: str) -> _History:
    """What these customers had and did; what came and was neither swapped nor rated counts as kept, once its cut-off is over."""
    since, cut_offs = now - MEMORY, ShelfStore(unit).cut_offs()
    alone = next(iter(code_of)) if len(code_of) == 1 else None
    acts = {
        (did.customer_id, did.period, did.item): (Act(did.act), (now - did.at) / _DAY)
        for did in ActStore(unit).since(since, None if alone is None else [alone])
        if did.customer_id in code_of
    }
    told = [(code_of[who], item, act, days) for (who, _, item), (act, days) in acts.items()]
    quiet = {code_of[who] for who in _opted_out(unit, code_of)}
    had = [each for each in _past(unit, alone, since, code_of) if each[2] != apart_from]
    count: dict[int, int] = {}
    for who, *_ in had:
        count[who] = count.get(who, 0) + 1
    boxes = []
    for who, customer, period, chosen_at, items in had:
        boxes.append((who, count[who], items))
        count[who] -= 1
        if period in cut_offs and cut_offs[period] > now:
            continue
        days = (now - chosen_at) / _DAY
        told += [(who, item, Act.KEPT, days) for item in items if (customer, period, item) not in acts]
    return _History(tuple(boxes), tuple(each for each in told if each[0] not in quiet))


def _opted_out(unit: Unit, code_of: Mapping[str, int]) -> Collection[str]:
    """Of whom nothing may be learned: their boxes follow what they declared, and do not repeat."""
    if len(code_of) == 1:
        return {who for who, agreed in CustomerStore(unit).consents_of(code_of).items() if OPTED_OUT in agreed}
    return AudienceStore(unit).agreeing(OPTED_OUT) & code_of.keys()


def _past(
    unit: Unit, alone: str | None, since: datetime, code_of: Mapping[str, int]
) -> Iterator[tuple[int, str, str, datetime, tuple[str, ...]]]:
    """(customer code, customer, period, chosen at, items) of past boxes, oldest first."""
    if alone is not None:
        for box in sorted(BoxStore(unit).of_customer(alone), key=lambda each: each.chosen_at):
            if box.chosen_at >= since:
                yield 0, alone, box.period, box.chosen_at, box.items
        return
    for customer, period, chosen_at, items in BoxStore(unit).contents_since(since):
        if customer in code_of:
            yield code_of[customer], customer, period, chosen_at, tuple(items)
