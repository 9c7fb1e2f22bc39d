"""What is done for a tenant whenever time passes, in this order, and when something of it next falls due.

The worker does it every minute at the present time; a test clock that is moved does it at every instant on the way at which something
falls due, so that a month of a subscription's life runs as it would have run day by day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from billing.db.partitions import make_ahead
from billing.entitlements.holds.use import clear, expire
from billing.invoices.adjust import adjust_late
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.invoices.thresholds import bill_thresholds
from billing.invoices.top_ups import settle_top_ups
from billing.metering.roll_up import tend_rollups
from billing.ratelimits.store import BucketStore
from billing.revenue.recognise import recognise
from billing.subscriptions.store import SubscriptionStore
from billing.wallets.routine import next_due as next_in_wallets
from features.boxes.store import ShelfStore
from features.segments.routine import tend_segments
from features.served.verify import is_due, verify_served
from serving.experiments.tend import tend_experiments
from serving.jobs.learning import queue_learning
from serving.jobs.signals import tend_signals
from serving.jobs.wallets import tend_wallets
from serving.limits.plan import EPOCH, MICROSECOND
from serving.payments import collect_for, payments_due
from serving.predict.boxes import choose_due
from serving.predict.segment_export import remove_expired
from serving.settings import grace_of
from serving.telemetry import FEATURES_CHECKED

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Unit
    from serving.wiring import Services

MOST_STEPS = 5_000


@dataclass(slots=True)
class RoutineReport:
    """What the jobs did, by name, and what they could not do, with the reason; it is tried again next time."""

    done: dict[str, int] = field(default_factory=dict)
    failed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def drafted(self) -> int:
        """Invoices drafted."""
        return self.done.get("invoices_drafted", 0)

    @property
    def issued(self) -> int:
        """Invoices made final."""
        return self.done.get("invoices_issued", 0)

    def count(self, what: str, number: int) -> None:
        """Add to a figure."""
        self.done[what] = self.done.get(what, 0) + number

    def add(self, other: RoutineReport) -> None:
        """Count another round in; what failed is what failed last."""
        for what, number in other.done.items():
            self.count(what, number)
        self.failed = other.failed


@dataclass(frozen=True, slots=True)
class Job:
    """A part of the routine. `next_due` tells when it next has something to do after an instant, None for not that it knows."""

    name: str
    run: Callable[[Services, Scope, datetime, RoutineReport], None]
    next_due: Callable[[Unit, datetime], datetime | None]


def _adjust(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    done = adjust_late(services.database, scope, now=now)
    report.count("adjustments", done.adjusted)
    report.failed += done.failed


def _bill(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    done = run_billing(services.database, scope, now=now, grace=grace_of(services.settings))
    report.count("invoices_drafted", done.drafted)
    report.count("invoices_issued", done.issued)
    report.failed += done.failed


def _billing_due(unit: Unit, after: datetime) -> datetime | None:
    moments = (SubscriptionStore(unit).next_due(after), InvoiceStore(unit).next_closing(after))
    return min((moment for moment in moments if moment is not None), default=None)


def _watch_thresholds(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    done = bill_thresholds(services.database, scope, now=now, grace=grace_of(services.settings))
    report.count("invoices_issued", done.issued)
    report.failed += done.failed


def _collect(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    done = collect_for(services, scope, now=now)
    report.count("payments_succeeded", done.succeeded)
    report.count("payments_declined", done.declined)
    report.failed += done.failed or []


def _tend_wallets(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    changed, asked, failed = tend_wallets(services.database, scope, now=now)
    report.count("wallets_changed", changed)
    report.count("top_ups_requested", asked)
    report.failed += failed


def _top_up(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    moved, failed = settle_top_ups(services.database, scope, now=now)
    report.count("top_ups_moved", moved)
    report.failed += failed


def _recognise(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    report.count("lines_earned", recognise(services.database, scope, until=now))


def _roll_up(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    report.count("meters_rolled_up", tend_rollups(services.database, scope, now=now))


def _make_partitions(services: Services, _scope: Scope, _now: datetime, report: RoutineReport) -> None:
    """Of the whole installation, and of its own calendar: a test clock that is far ahead needs none."""
    done = make_ahead(services.database, services.clock.now())
    report.count("partitions_made", len(done.made))
    report.count("partitions_not_made", len(done.failed))


def _with_the_others(_unit: Unit, _after: datetime) -> datetime | None:
    """A job that has no calendar of its own: it looks whenever the others have something to do."""
    return None


def _expire_holds(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    while True:
        with services.database.unit(scope) as unit:
            done = expire(unit, now=now)
        report.count("holds_expired", done)
        if not done:
            break
    while True:
        with services.database.unit(scope) as unit:
            done = clear(unit, now=now)
        report.count("holds_cleared", done)
        if not done:
            return


def _sweep_limits(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    with services.database.unit(scope) as unit:
        report.count("limits_swept", BucketStore(unit).sweep((now - EPOCH) // MICROSECOND))


def _tend_segments(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    entered, left = tend_segments(services.database, scope, now=now)
    report.count("segments_entered", entered)
    report.count("segments_left", left)


def _tend_signals(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    report.count("signals_raised", tend_signals(services.database, scope, now=now))


def _verify_served(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    with services.database.view(scope) as unit:
        due = is_due(unit, now)
    if not due:
        return
    check = verify_served(services.database, scope, now=now)
    FEATURES_CHECKED.labels("equal").inc(check.sampled - check.differing)
    FEATURES_CHECKED.labels("differing").inc(check.differing)
    report.count("features_checked", check.sampled)
    if check.differing:
        report.failed.append(("served features", f"{check.differing} of {check.sampled} differ, see check {check.id}"))


def _queue_learning(services: Services, scope: Scope, _now: datetime, report: RoutineReport) -> None:
    """Of the world's nights: a test clock has none, so a month that is moved through trains nothing thirty times."""
    report.count("training_runs_queued", queue_learning(services, scope))


def _remove_exports(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    report.count("export_files_removed", remove_expired(services, scope, now=now))


def _choose_boxes(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    done, failed = choose_due(services.database, scope, now=now)
    report.count("boxes_chosen", done)
    report.failed += failed


def _boxes_due(unit: Unit, after: datetime) -> datetime | None:
    return ShelfStore(unit).next_due(after)


def _tend_experiments(services: Services, scope: Scope, now: datetime, report: RoutineReport) -> None:
    done = tend_experiments(services, scope, now=now)
    report.count("experiments_looked_at", done.looked)
    report.count("experiments_paused", done.paused)
    report.count("customers_enrolled", done.enrolled)


JOBS = (
    Job("partitions of events", _make_partitions, _with_the_others),
    Job("holds", _expire_holds, _with_the_others),
    Job("usage by the hour", _roll_up, _with_the_others),
    Job("late usage", _adjust, _with_the_others),
    Job("billing", _bill, _billing_due),
    Job("thresholds", _watch_thresholds, _with_the_others),
    Job("wallets", _tend_wallets, next_in_wallets),
    Job("top-ups", _top_up, _with_the_others),
    Job("payments", _collect, payments_due),
    Job("top-ups that were paid", _top_up, _with_the_others),
    Job("revenue", _recognise, _with_the_others),
    Job("boxes", _choose_boxes, _boxes_due),
    Job("rate limits", _sweep_limits, _with_the_others),
    Job("learning", _queue_learning, _with_the_others),
    Job("served features", _verify_served, _with_the_others),
    Job("signals", _tend_signals, _with_the_others),
    Job("segments", _tend_segments, _with_the_others),
    Job("experiments", _tend_experiments, _with_the_others),
    Job("files of exports", _remove_exports, _with_the_others),
)


def run_routine(services: Services, scope: Scope, *, now: datetime) -> RoutineReport:
    """Everything that is due for a tenant at `now`."""
    report = RoutineReport()
    for job in JOBS:
        job.run(services, scope, now, report)
    return report


def run_until(
    services: Services, scope: Scope, *, start: datetime, until: datetime, moved: Callable[[datetime], None]
) -> RoutineReport:
    """The routine at every instant from `start` to `until` at which something falls due, and at `until`; `moved` is told of each.

    What fell due before `start` and could not be done is tried at each of them again.
    """
    report, moment = RoutineReport(), start
    for _ in range(MOST_STEPS):
        moment = min(_next(services, scope, moment) or until, until)
        moved(moment)
        report.add(run_routine(services, scope, now=moment))
        if moment >= until:
            break
    return report


def _next(services: Services, scope: Scope, after: datetime) -> datetime | None:
    with services.database.view(scope) as unit:
        moments = [job.next_due(unit, after) for job in JOBS]
    return min((moment for moment in moments if moment is not None), default=None)
