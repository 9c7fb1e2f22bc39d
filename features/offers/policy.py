"""The business's own rules about offers: how often, to whom never, at which hours, and how much is kept back to measure by. Pure.

The defaults are careful: one prompt a person and three a customer in seven days, none in the first three days, five in a hundred customers
held out (experiments study, section 8). Amounts are integer minor units of the subscription's currency. A policy that exists can be kept
to: what cannot be is refused when it is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final

from billing.kernel.cadence import zone_of
from billing.kernel.errors import InvalidError
from billing.kernel.storable import is_storable

WEEK: Final = timedelta(days=7)
LONGEST_WINDOW: Final = timedelta(days=366)
MOST_KILLED: Final = 500
LONGEST_NAME: Final = 200
EVERYTHING: Final = "*"
_MOST_SHOWN = 1_000_000_000
_MOST_THRESHOLDS = 10


class PolicyError(InvalidError):
    """An offer policy that cannot be kept to."""

    code = "invalid_offer_policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most `most` showings in any `window`."""

    most: int
    window: timedelta = WEEK

    def __post_init__(self) -> None:
        _require(0 <= self.most <= _MOST_SHOWN, "a cap allows 0 or more showings", most=self.most)
        _require(
            timedelta(0) < self.window <= LONGEST_WINDOW,
            f"a cap's window is an hour to {LONGEST_WINDOW.days} days",
            window=str(self.window),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Local hours [start, end) in which nobody is disturbed; they may go over midnight. Equal ends are no hours at all.

    >>> hours = QuietHours(start=time(21), end=time(8))
    >>> hours.holds(time(23, 30)), hours.holds(time(8)), hours.holds(time(12))
    (True, False, False)
    """

    start: time
    end: time

    def holds(self, local: time) -> bool:
        """Whether a local time of day lies in them."""
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How often offers may be shown: each cap counts what was reserved or seen; None for no cap of that kind.

    `person` counts for one member of a customer, `customer` for all its members, `offer` one target for a customer, `placement` one place
    for a customer, `tenant` everybody's.
    """

    person: Cap | None = field(default_factory=lambda: Cap(most=1))
    customer: Cap | None = field(default_factory=lambda: Cap(most=3))
    offer: Cap | None = field(default_factory=lambda: Cap(most=2, window=timedelta(days=30)))
    placement: Cap | None = None
    tenant: Cap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPolicy:
    """Everything a business may set about offers. `holdout_per_ten_thousand` None leaves the installation's setting.

    `killed` names rules, targets or placements that are switched off; `*` switches off all. `annoyance_minor` is what one shown prompt is
    taken to cost; `margin_bps` the margin of recurring fees where no cost is known; `explore` the share of exploration in [0, 1].
    `consent` is the purpose that a customer must have agreed to before being shown any offer, "" for none: showing is then part of the
    service and only those who opted out see nothing personal. `buyers` are the roles of members who may buy; empty for all. Who is about
    to leave may be offered one of `save_coupons` (by key), a pause of `save_pause_days` (0 for none), or a smaller plan (`save_smaller`).
    """

    caps: Caps = field(default_factory=Caps)
    quiet: QuietHours | None = None
    first_days: int = 3
    killed: frozenset[str] = frozenset()
    consent: str = ""
    buyers: frozenset[str] = frozenset()
    holdout_per_ten_thousand: int | None = None
    holdout_salt: str = "holdout-1"
    annoyance_minor: int = 0
    margin_bps: int = 7_000
    explore: float = 0.1
    limit_thresholds: tuple[int, ...] = (80, 95, 100)
    save_coupons: tuple[str, ...] = ()
    save_pause_days: int = 30
    save_smaller: bool = True

    def __post_init__(self) -> None:
        share = self.holdout_per_ten_thousand
        _require(0 <= self.first_days <= 365, "the first days are 0 to 365", first_days=self.first_days)
        _require(
            share is None or 0 <= share <= 10_000,
            "the holdout is 0 to 10000 of ten thousand customers, or null for the installation's",
            holdout_per_ten_thousand=share,
        )
        _require(
            0 <= self.annoyance_minor <= 10**9,
            "what a prompt costs is 0 or more minor units",
            annoyance_minor=self.annoyance_minor,
        )
        _require(0 <= self.margin_bps <= 10_000, "a margin is 0 to 10000 basis points", margin_bps=self.margin_bps)
        _require(0 <= self.explore <= 1, "the share of exploration is 0 to 1", explore=str(self.explore))
        _require(bool(self.holdout_salt), "the holdout needs a salt", holdout_salt="")
        _require_names({self.consent, self.holdout_salt} - {""}, "a purpose and a salt")
        _require_names(self.killed, "a killed rule, target or placement")
        _require_names(self.buyers, "a role")
        _require_names(set(self.save_coupons), "a coupon")
        _require(0 <= self.save_pause_days <= 365, "a pause is 0 to 365 days", save_pause_days=self.save_pause_days)
        _require_thresholds(self.limit_thresholds)

    def stops(self, *names: str | None) -> bool:
        """Whether any of these (a rule, a target, a placement), or everything, is switched off.

        >>> OfferPolicy(killed=frozenset({"limit_near"})).stops("limit_near", "plus")
        True
        """
        return bool(self.killed) and (EVERYTHING in self.killed or not self.killed.isdisjoint(names))


def is_quiet(now: datetime, zone: str, hours: QuietHours | None) -> bool:
    """Whether a customer in a time zone is to be left alone at an instant."""
    return hours is not None and hours.holds(now.astimezone(zone_of(zone)).time())


def _require(holds: bool, sentence: str, **facts: object) -> None:  # noqa: FBT001 (a condition, not a mode)
    if not holds:
        raise PolicyError(sentence, **facts)


def _require_names(names: frozenset[str] | set[str], what: str) -> None:
    _require(len(names) <= MOST_KILLED, f"at most {MOST_KILLED} names fit here", count=len(names))
    for name in names:
        fits = 0 < len(name) <= LONGEST_NAME and is_storable(name)
        _require(fits, f"{what} is named by 1 to {LONGEST_NAME} characters, none of them NUL", name=ascii(name[:60]))


def _require_thresholds(thresholds: tuple[int, ...]) -> None:
    fits = 0 < len(thresholds) <= _MOST_THRESHOLDS and all(0 < share <= 100 for share in thresholds)
    _require(
        fits and list(thresholds) == sorted(set(thresholds)),
        f"thresholds are 1 to {_MOST_THRESHOLDS} rising percentages from 1 to 100, such as 80, 95, 100",
        limit_thresholds=list(thresholds[:20]),
    )
