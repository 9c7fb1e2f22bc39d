"""Success as the operator reads it: what each offer and the programme earned beside the holdout, and how customers fare beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from features.offers.store import OfferPolicyStore
from features.signals.setup.store import SetupStore
from features.success.added import HELD_OUT, OFFERED, PROGRAMME, Asked
from features.success.measures import GUARDRAILS, MEASURES
from features.success.store import SuccessStore
from models.offers.arm import rule_experiment
from models.offers.registry import RULES
from models.success.figures import figures
from models.success.incremental import too_early
from models.success.programme import line

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from billing.db.session import Unit
    from billing.kernel.period import Period
    from models.success.figures import Figure
    from models.success.incremental import TooEarly
    from models.success.programme import Line

EXPERIMENTS: Final = (PROGRAMME, *(rule_experiment(rule.key) for rule in RULES))
_FEEDBACK: Final = "feedback"  # it has a measure of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessReport:
    """Every measure of success in one period and currency, by group or (`by` None) over all; `early` says why the arms are hidden."""

    period: Period
    currency: str
    by: str | None
    offered: int
    held_out: int
    early: TooEarly | None
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeReport:
    """The programme first, then each offer that anybody met, in one period and currency."""

    period: Period
    currency: str
    window_days: int | None
    margin_bps: int
    lines: tuple[Line, ...]

    @property
    def programme(self) -> Line:
        """All offers together."""
        return self.lines[0]


def success_report(
    unit: Unit, period: Period, *, currency: str, by: str | None = None, window_days: int | None = None
) -> SuccessReport:
    """The measures of success of the customers who first met the programme in a period; arms are masked while it is too early."""
    store, asked = SuccessStore(unit), _asked(unit, period, currency, window_days)
    offered, held_out, running = _seen(store, asked)
    early = too_early(offered, held_out, running=running)
    return SuccessReport(
        period=period,
        currency=currency,
        by=by,
        offered=offered,
        held_out=held_out,
        early=early,
        figures=tuple(figures(store.added(asked, MEASURES, by), early)),
    )


def programme_report(unit: Unit, period: Period, *, currency: str, window_days: int | None = None) -> ProgrammeReport:
    """What the customers who first met each offer in a period brought since, beside the held-out who would have met it."""
    store, asked = SuccessStore(unit), _asked(unit, period, currency, window_days)
    margin_bps = OfferPolicyStore(unit).get().margin_bps
    found = [_line(store, replace(asked, experiment=name), margin_bps) for name in EXPERIMENTS]
    lines = [found[0], *(each for each in found[1:] if each.offered or each.held_out)]
    return ProgrammeReport(
        period=period, currency=currency, window_days=window_days, margin_bps=margin_bps, lines=tuple(lines)
    )


def _line(store: SuccessStore, asked: Asked, margin_bps: int) -> Line:
    offered, held_out, running = _seen(store, asked)
    if not offered and not held_out:
        return line(asked.experiment, asked.currency, (), running=running, margin_bps=margin_bps)
    early = too_early(offered, held_out, running=running)
    return line(
        asked.experiment,
        asked.currency,
        store.earned(asked),
        running=running,
        margin_bps=margin_bps,
        guardrails=tuple(figures(store.added(asked, GUARDRAILS), early)),
    )


def _asked(unit: Unit, period: Period, currency: str, window_days: int | None) -> Asked:
    settings, _ = SetupStore(unit).read(period.end)
    tickets = {*settings.ticket_opened, *settings.tells} - {_FEEDBACK}
    return Asked(
        since=period.start,
        until=period.end,
        currency=currency,
        window_days=window_days,
        tickets=tuple(sorted(tickets)),
    )


def _seen(store: SuccessStore, asked: Asked) -> tuple[int, int, timedelta]:
    """Customers in each arm, and for how long the first of them has been seen."""
    arms = store.exposed(asked)
    first: datetime = min((at for _, at in arms.values()), default=asked.until)
    counts = [arms.get(name, (0, first))[0] for name in (OFFERED, HELD_OUT)]
    return counts[0], counts[1], asked.until - first
