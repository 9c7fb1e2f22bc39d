"""Grants, and whole histories of a purse, for properties."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from billing.kernel.cadence import Cadence, Interval
from billing.kernel.money import Money
from billing.wallets.grant import Grant, GrantKind
from billing.wallets.movement import Movement, MovementKind
from billing.wallets.purse import Moved, Purse, added, advanced, returned, revoked, spent
from billing.wallets.recurrence import Recurrence, Rollover

if TYPE_CHECKING:
    from collections.abc import Sequence

START = datetime(2026, 1, 31, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def eur(minor: int) -> Money:
    """Euro cents as money."""
    return Money(minor, "EUR")


def a_grant(
    name: str, minor: int = 1000, *, left: int | None = None, kind: GrantKind = GrantKind.PAID, **options: object
) -> Grant:
    """A grant from START on without an end, unless told otherwise."""
    values: dict[str, object] = {"starts_at": START, "created_at": START, **options}
    amount = eur(minor)
    remaining = amount if left is None else eur(left)
    return Grant(id=name, key=name, kind=kind, amount=amount, remaining=remaining, **values)  # type: ignore[arg-type]


@st.composite
def grants(draw: st.DrawFn, *, most: int = 8) -> list[Grant]:
    """Some grants with different names and everything else drawn."""
    found = []
    for number in range(draw(st.integers(0, most))):
        amount = draw(st.integers(1, 500))
        starts = START + draw(st.integers(-5, 5)) * DAY
        ends = draw(st.none() | st.integers(1, 10))
        found.append(
            a_grant(
                f"g{number}",
                amount,
                left=draw(st.integers(0, amount)),
                kind=draw(st.sampled_from(GrantKind)),
                priority=draw(st.integers(0, 2)),
                starts_at=starts,
                created_at=START + draw(st.integers(-2, 2)) * DAY,
                expires_at=None if ends is None else starts + ends * DAY,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Act:
    """Something done to a purse on a day: grant, spend, return or take back."""

    what: str
    day: int
    minor: int
    paid: bool
    days: int | None


acts = st.lists(
    st.builds(
        Act,
        st.sampled_from(["grant", "grant", "spend", "spend", "return", "take_back", "wait"]),
        st.integers(0, 100),
        st.integers(1, 400),
        st.booleans(),
        st.none() | st.integers(1, 40),
    ),
    max_size=14,
).map(lambda found: sorted(found, key=lambda act: act.day))


@dataclass(slots=True)
class Story:
    """A purse and all its movements, act by act."""

    purse: Purse
    movements: list[Movement]

    def keep(self, moved: Moved) -> None:
        """Take what an act did; movements get ids as a store gives them."""
        start = len(self.movements)
        self.movements += [
            Movement(
                id=f"m{start + place}",
                key=each.key,
                kind=each.kind,
                grant_id=each.grant_id,
                amount=each.amount,
                at=each.at,
                invoice_id=each.invoice_id,
            )
            for place, each in enumerate(moved.movements)
        ]
        purse = moved.purse
        self.purse = Purse(
            floor=purse.floor,
            overdrawn=purse.overdrawn,
            grants=purse.grants,
            recurrences=purse.recurrences,
            revision=purse.revision + 1,
        )


def a_purse(floor: int = 0, *, recurring: int = 0, least: int = 0, most: int = 0) -> Purse:
    """An empty purse, with a monthly grant if one is asked for."""
    rules: tuple[Recurrence, ...] = ()
    if recurring:
        rollover = Rollover(least=eur(least), most=eur(max(least, most)))
        cadence = Cadence(START, Interval.MONTH)
        rules = (Recurrence(id="rule", key="rule", amount=eur(recurring), cadence=cadence, rollover=rollover),)
    return Purse(floor=eur(floor), overdrawn=eur(0), recurrences=rules)


def told(purse: Purse, doings: Sequence[Act], *, visits: Sequence[int] = ()) -> Story:
    """The story of these acts; `visits` are days on which a job comes by in between."""
    story = Story(purse, [])
    steps = sorted([(act.day, 1, number) for number, act in enumerate(doings)] + [(day, 0, 0) for day in visits])
    for day, is_act, number in steps:
        at = START + day * DAY
        caught_up = advanced(story.purse, at)
        if not is_act:
            story.keep(caught_up)
            continue
        act = doings[number]
        if act.what == "grant":
            kind = GrantKind.PAID if act.paid else GrantKind.PROMOTIONAL
            ends = None if act.days is None else at + act.days * DAY
            new = a_grant(f"g{number}", act.minor, kind=kind, starts_at=at, created_at=at, expires_at=ends)
            story.keep(added(caught_up, new, at))
        elif act.what == "spend":
            story.keep(spent(caught_up, eur(act.minor), at, f"i{number}"))
        elif act.what == "return":
            story.keep(returned(caught_up, _burned(story.movements), at))
        elif act.what == "take_back":
            given = [grant for grant in caught_up.purse.grants if not grant.is_paid]
            story.keep(revoked(caught_up, given[0].id, eur(act.minor), at, f"r{number}") if given else caught_up)
        else:
            story.keep(caught_up)
    return story


def _burned(movements: Sequence[Movement]) -> list[Movement]:
    """What paid for the last invoice that was not returned."""
    back = {movement.invoice_id for movement in movements if movement.kind is MovementKind.RETURNED}
    burned = [m for m in movements if m.kind is MovementKind.BURNED and m.invoice_id not in back]
    return [movement for movement in burned if movement.invoice_id == burned[-1].invoice_id]
