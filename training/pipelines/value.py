"""Value: what each customer will bring within a year, in orders and by contract, in whole minor units with a range and the rung's name.

Judged by a backtest: fitted at a day in the past and asked for the orders since, beside a customer's own rate and everybody's mean. What a
contract brings follows from the months that contracts of this shop last, and from the churn scores where there are any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from billing.tenants.store import TenantStore
from features.scores.store import PPM, Score, ScoreStore
from features.sources import instant_of
from features.view import Source
from models.metrics.interval import Interval, mean_interval, paired_difference
from models.value.contract import Retention, contract_value, fit_retention
from models.value.level import UNCORRECTED, Backtest, Level, level_of
from models.value.orders import Orders
from models.value.worth import ValueModel, fit_worth
from training.context import JobReport
from training.gate import Evidence, Gate, GateCheck, GateReport
from training.pipelines.churn import spells_of
from training.release import release

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.context import JobContext
    from training.history import History

    Floats = NDArray[np.float64]

TASK = "value"
HORIZON_DAYS = 365
MONTHS = 12
YEARLY_DISCOUNT = 0.1
_DAY_US = 86_400_000_000
_MONTH_US = 30 * _DAY_US
_FEWEST_JUDGED = 50
_LONGEST_BACKTEST_DAYS = 180
_METRIC = "Poisson deviance of purchases"
_FLOOR = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contracts:
    """The plans that run now: whose, for how many months, and what they bring a month in minor units."""

    customers: NDArray[np.str_]
    months: Floats
    mrr_minor: Floats


def run(context: JobContext) -> JobReport:
    """Fit on everything, with the evidence of the backtest, and score everybody known by the champion."""
    history = context.history
    if history.rows(Source.PURCHASES) + history.rows(Source.SUBSCRIPTIONS) == 0:
        return JobReport(task=TASK, version=None, promoted=False, reason="Not trained: nobody has bought anything yet.")
    orders, today = orders_of(history), history.until_us // _DAY_US + 1
    report = _refit(context, orders, today) if context.refit else _as_before(context)
    champion = context.registry.champion(context.scope.tenant_id, TASK)
    if champion is not None:
        _score(context, ValueModel.load(champion.folder), orders, today, champion.version)
    return report


def _as_before(context: JobContext) -> JobReport:
    champion = context.registry.champion(context.scope.tenant_id, TASK)
    version = champion.version if champion else None
    reason = (
        "Not trained: nothing is new, so the champion scored again."
        if champion
        else "Not trained: there is no champion."
    )
    return JobReport(task=TASK, version=version, promoted=False, reason=reason)


def _refit(context: JobContext, orders: Orders, today: int) -> JobReport:
    history = context.history
    context.tell("fitting how customers buy and stay")
    purchases, spend = fit_worth(orders, today)
    retention, level = _retention(history)
    model = ValueModel(purchases=purchases, spend=spend, retention=retention, retention_level=level)
    context.tell("judging by a backtest")
    gate, metrics, baselines, judged = _judge(context, orders, today)
    return release(
        context,
        TASK,
        model,
        gate,
        rows=len(orders) + (0 if retention is None else retention.ended),
        features=("customer", "at", "amount", "plan"),
        metrics=metrics,
        baselines=baselines,
        rung=model.rung,
        limits=(
            f"What is expected within {HORIZON_DAYS} days; the range is of 80 %, since one customer's future is mostly chance.",
            "A season that the shop has not been through yet is not foreseen.",
            "Contracts count with their price; costs of serving them are not known here.",
        ),
        details={
            "backtest": judged,
            "why_this_rung": purchases.why if purchases else "nobody has ordered yet",
            "level": purchases.level.factor(HORIZON_DAYS, purchases.observed_days) if purchases else 1.0,
        },
    )


def orders_of(history: History) -> Orders:
    """Purchases as purchase days (UTC), in the order of the models."""
    return Orders.of(
        history.column(Source.PURCHASES, "customer"),
        history.column(Source.PURCHASES, "at_us").astype(np.int64) // _DAY_US,
        history.column(Source.PURCHASES, "amount_minor").astype(np.int64),
    )


def contracts_of(history: History) -> Contracts:
    """Who pays for a plan at the end of the history: the last row of each customer, and the months since their spell began."""
    spells = spells_of(history)
    running = spells.ended_us >= history.until_us
    paid = _latest_mrr(history)
    rows = [row for row in np.flatnonzero(running).tolist() if paid.get(str(spells.customers[row]), 0) > 0]
    who = spells.customers[rows]
    return Contracts(
        customers=who,
        months=np.floor((history.until_us - spells.started_us[rows]) / _MONTH_US),
        mrr_minor=np.array([float(paid[str(one)]) for one in who.tolist()]),
    )


def _latest_mrr(history: History) -> dict[str, int]:
    order = np.lexsort((history.column(Source.SUBSCRIPTIONS, "id"), history.column(Source.SUBSCRIPTIONS, "at_us")))
    customers = history.column(Source.SUBSCRIPTIONS, "customer")[order].tolist()
    return dict(zip(customers, history.column(Source.SUBSCRIPTIONS, "mrr_minor")[order].tolist(), strict=True))


def _retention(history: History) -> tuple[Retention | None, Level]:
    """How long contracts last, and how far the same fit was off when it was asked for months that have passed."""
    if history.rows(Source.SUBSCRIPTIONS) == 0:
        return None, UNCORRECTED
    found = _retention_at(history, history.until_us)
    first = int(history.column(Source.SUBSCRIPTIONS, "at_us").min())
    months = (history.until_us - first) // _MONTH_US
    tests = [_retention_test(history, months, back) for back in range(2, int(months * 0.6) + 1)]
    return found, level_of([test for test in tests if test is not None])


def _retention_at(history: History, moment: int) -> Retention:
    spells = spells_of(history)
    known = spells.started_us < moment
    until = np.minimum(spells.ended_us[known], moment)
    return fit_retention((until - spells.started_us[known]) / _MONTH_US, spells.ended_us[known] < moment)


def _retention_test(history: History, months: int, back: int) -> Backtest | None:
    moment = history.until_us - back * _MONTH_US
    spells = spells_of(history)
    there = (spells.started_us < moment) & (spells.ended_us >= moment)
    if not there.any():
        return None
    so_far = np.floor((moment - spells.started_us[there]) / _MONTH_US)
    forecast = float(_retention_at(history, moment).staying(so_far, back).sum())
    ran = np.floor((np.minimum(spells.ended_us[there], history.until_us) - moment) / _MONTH_US)
    day = moment // _DAY_US
    return Backtest(
        day=day,
        observed_days=max(1, months - back) * 30,
        horizon_days=back * 30,
        forecast=forecast,
        actual=int(ran.sum()),
    )


def _judge(
    context: JobContext, orders: Orders, today: int
) -> tuple[GateReport, dict[str, Interval], dict[str, Interval], dict[str, object]]:
    first = int(orders.day.min()) if len(orders) else today
    day = max(first + (today - first) // 2, today - _LONGEST_BACKTEST_DAYS)
    past = orders.before(day) if len(orders) else orders
    model = fit_worth(orders, day)[0] if len(past) else None
    if model is None or past.customers.size < _FEWEST_JUDGED:
        said = (
            f"{past.customers.size} customers had ordered before the last half of the history, too few to be judged by"
        )
        checks = (GateCheck(name="backtest", passed=True, explanation=said),)
        return (
            GateReport(promote=True, reason=f"Promoted: {said}; the rung says how little is known.", checks=checks),
            {},
            {},
            {},
        )
    known, ahead = past.histories_at(day), today - day
    actual = orders.within(day, today, past.customers)[0].astype(np.float64)
    rate = known.frequency.sum() / max(float(known.age.sum()), 1.0)
    ours = _deviance(actual, model.expected(ahead, known))
    theirs = {
        "own rate": _deviance(actual, known.frequency / np.maximum(known.age, 1.0) * ahead),
        "everybody alike": _deviance(actual, np.full(len(known), rate * ahead)),
    }
    rng = context.rng(f"{TASK}:judge")
    is_floor = model.rung == "rate"
    leads = {name: paired_difference(values, ours, rng=rng) for name, values in theirs.items()}
    gate = Gate().decide(Evidence(metric=_METRIC, leads=leads, is_floor=is_floor))
    metrics = {_METRIC: mean_interval(ours, rng=rng)}
    baselines = {name: mean_interval(values, rng=rng) for name, values in theirs.items()}
    total = float(model.expected(ahead, known).sum())
    judged: dict[str, object] = {"days": ahead, "forecast": total, "actual": int(actual.sum()), "customers": len(known)}
    return gate, metrics, baselines, judged


def _deviance(actual: Floats, forecast: Floats) -> Floats:
    """Of each customer; a forecast of nothing is taken as a hundredth of a purchase."""
    mean = np.maximum(forecast, _FLOOR)
    logs = np.where(actual > 0, actual * np.log(np.maximum(actual, 1e-9) / mean), 0.0)
    return np.asarray(2 * (logs - (actual - mean)))


def _score(context: JobContext, model: ValueModel, orders: Orders, today: int, version: str) -> None:
    moment = context.history.until_us
    with context.database.view(context.scope) as unit:
        tenant = TenantStore(unit).find(context.scope.tenant_id)
        leaving = {key: score.value for key, score in ScoreStore(unit).of_task("churn").items()}
    context.tell(f"scoring {orders.customers.size} customers")
    past = orders.before(today)
    worth = model.of_orders(past, today, HORIZON_DAYS, context.rng(f"{TASK}:range"))
    found: dict[str, dict[str, float]] = {}
    for row, customer in enumerate(past.customers.tolist()):
        found[str(customer)] = {
            "orders": float(worth.expected[row]),
            "low": float(worth.low[row]),
            "high": float(worth.high[row]),
            "purchases": float(worth.purchases[row]),
            "alive": float(worth.alive[row]),
        }
    if model.retention is not None:
        _add_contracts(found, context.history, model, leaving)
    currency = tenant.currency if tenant else ""
    left_out = context.left_out()
    scores = [
        _scored(customer, parts, {"currency": currency, "rung": model.rung}, version, moment)
        for customer, parts in sorted(found.items())
        if customer not in left_out
    ]
    with context.database.unit(context.scope) as unit:
        ScoreStore(unit).replace(TASK, scores)


def _add_contracts(
    found: dict[str, dict[str, float]], history: History, model: ValueModel, leaving: dict[str, float]
) -> None:
    contracts = contracts_of(history)
    if model.retention is None or contracts.customers.size == 0:
        return
    told = np.array([leaving.get(str(customer), np.nan) for customer in contracts.customers.tolist()])
    staying = model.retention.staying(contracts.months, MONTHS, told)
    observed = max(1, (history.until_us - int(history.column(Source.SUBSCRIPTIONS, "at_us").min())) // _DAY_US)
    value = contract_value(
        staying,
        contracts.mrr_minor,
        monthly_discount=1 - (1 - YEARLY_DISCOUNT) ** (1 / 12),
        factor=model.retention_level.factor(HORIZON_DAYS, observed),
    )
    for row, customer in enumerate(contracts.customers.tolist()):
        parts = found.setdefault(
            str(customer), {"orders": 0.0, "low": 0.0, "high": 0.0, "purchases": 0.0, "alive": 0.0}
        )
        parts["contract"] = float(value.expected[row])
        parts["low"] += float(value.low[row])
        parts["high"] += float(value.high[row])


def _scored(customer: str, parts: dict[str, float], shared: dict[str, str], version: str, moment: int) -> Score:
    """`value` is the amount in millions of minor units, so that the stored millionths are the amount itself."""
    orders, contract = round(parts["orders"]), round(parts.get("contract", 0.0))
    amount = orders + contract
    return Score(
        customer_id=customer,
        version=version,
        as_of=instant_of(moment),
        value=amount / PPM,
        document={
            "amount_minor": amount,
            "orders_minor": orders,
            "contract_minor": contract,
            "interval": [min(round(parts["low"]), amount), max(round(parts["high"]), amount)],
            "interval_level": 0.8,
            "horizon_days": HORIZON_DAYS,
            "expected_purchases": round(parts["purchases"], 3),
            "probability_alive": round(parts["alive"], 4),
            **shared,
        },
    )
