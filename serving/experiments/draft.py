"""From what a business asks for to a plan that can be frozen: defaults filled in, guardrails added, everything checked. Pure.

Raises BadExperimentError with what to change; nothing is guessed that would change what the experiment shows.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from features.experiments.experiment import (
    BadExperimentError,
    Experiment,
    Kind,
    Status,
    Treatment,
    run_name,
)
from features.experiments.measures import MEASURES, How, Source, counted, guardrails
from models.experiments.plan import PlanError
from models.experiments.plan_document import from_document, to_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from models.experiments.plan import Plan

KEY: Final = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")
RESERVED: Final = frozenset({"programme"})
MOST_ARMS: Final = 10
MOST_METRICS: Final = 20
_MOST_WORDS = 4_000
_PLAN_WORDS = ("unit", "assigned_by", "design", "looks", "planned_units", "fewest_units_an_arm", "fewest_days", "alpha")


def drafted(
    asked: Mapping[str, Any], *, experiment_id: str, version: int, currency: str, created_at: datetime
) -> Experiment:
    """An experiment in draft from a request's document."""
    key = str(asked["key"])
    if not KEY.match(key) or key in RESERVED:
        raise BadExperimentError(
            "a key is lower-case letters, digits, - and _, up to 63; `programme` is taken", key=key
        )
    kind = Kind(asked.get("kind", Kind.TEST.value))
    plan = _plan(asked, run_name(key, version), currency)
    treatments = {str(arm["key"]): _treatment(arm) for arm in asked["arms"]}
    if kind is Kind.BANDIT and plan.primary.kind.value not in {"rate", "mean"}:
        raise BadExperimentError("a bandit follows a rate or a mean", metric=plan.primary.key)
    gives = any(treatment.gives for treatment in treatments.values())
    if gives and plan.unit == "member":
        raise BadExperimentError("rights belong to customers: an arm that gives one needs an experiment on customers")
    placement = asked.get("placement")
    return Experiment(
        id=experiment_id,
        key=key,
        version=version,
        name=str(asked.get("name") or key),
        hypothesis=str(asked.get("hypothesis") or ""),
        placement=placement,
        kind=kind,
        status=Status.DRAFT,
        layer=asked.get("layer") or placement,
        layer_share=_share("layer_share", asked.get("layer_share", 1.0)),
        coverage=_share("coverage", asked.get("coverage", 1.0)),
        is_sticky=bool(asked.get("sticky")) or kind is Kind.BANDIT or gives,
        plan=to_document(plan),
        treatments=treatments,
        created_at=created_at,
    )


def _plan(asked: Mapping[str, Any], run: str, currency: str) -> Plan:
    arms = asked["arms"]
    if not 2 <= len(arms) <= MOST_ARMS:
        raise BadExperimentError(f"an experiment has 2 to {MOST_ARMS} arms, the control first")
    unit = asked.get("unit", "customer")
    assigned_by = asked.get("assigned_by", "customer")
    primary = _metric(asked["primary"])
    secondary = [_metric(metric) for metric in asked.get("secondary", ())]
    named = [_metric(metric) for metric in asked.get("guardrails", ())]
    keys = frozenset(metric["key"] for metric in (primary, *secondary, *named))
    measured = frozenset(str(metric.get("measure") or metric["key"]) for metric in (primary, *secondary, *named))
    named += guardrails(keys | measured, unit=unit, window_days=primary.get("window_days"))
    if len(secondary) + len(named) >= MOST_METRICS:
        raise BadExperimentError(f"an experiment judges at most {MOST_METRICS} metrics")
    document: dict[str, Any] = {word: asked[word] for word in _PLAN_WORDS if asked.get(word) is not None}
    document |= {
        "key": run,
        "salt": asked.get("salt") or run,
        "arms": _weighted(arms),
        "primary": primary,
        "secondary": secondary,
        "guardrails": named,
        "coverage": asked.get("coverage", 1.0),
        "currency": asked.get("currency") or currency,
    }
    try:
        plan = from_document(document)
    except PlanError as error:
        raise BadExperimentError(str(error)) from error
    for metric in to_document(plan)["guardrails"] + [primary, *secondary]:
        found = counted(metric)
        if assigned_by == "member" and found.measure.source is not Source.EVENTS:
            raise BadExperimentError(
                f"{found.key}: what members are drawn for is judged by their events; money and plans are a customer's",
                metric=found.key,
            )
    return plan


def _weighted(arms: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Weights as parts of one; equal where none is given."""
    for arm in arms:
        if not KEY.match(str(arm["key"])):
            raise BadExperimentError(
                "an arm's key is lower-case letters, digits, - and _, up to 63", arm=str(arm["key"])
            )
    given = [arm.get("weight") for arm in arms]
    if all(weight is None for weight in given):
        return [{"key": arm["key"], "weight": 1 / len(arms)} for arm in arms]
    if any(weight is None or not 0 < weight < 1e6 for weight in given):
        raise BadExperimentError("give every arm a weight above 0, or none")
    whole = sum(weight for weight in given if weight is not None)
    return [{"key": arm["key"], "weight": (arm["weight"] or 0) / whole} for arm in arms]


def _metric(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A metric with what its measure says where the request says nothing."""
    key = str(asked["key"])
    measure = MEASURES.get(str(asked.get("measure") or key))
    if measure is None:
        raise BadExperimentError(f"{key}: name one of these measures: {', '.join(MEASURES)}", metric=key)
    filled: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    usual = "rate" if measure.how is How.ANY else max(measure.kinds - {"quantile"})
    filled.setdefault("kind", "quantile" if "quantile" in filled else usual)
    filled.setdefault("better", "lower" if measure.lower_is_better else "higher")
    if measure.is_money and filled["kind"] in {"mean", "ratio"}:
        filled.setdefault("winsorise", 0.99)
    return filled


def _treatment(arm: Mapping[str, Any]) -> Treatment:
    words = arm.get("treatment") or {}
    if len(json.dumps(words)) > _MOST_WORDS:
        raise BadExperimentError(f"an arm's treatment has up to {_MOST_WORDS} characters", arm=str(arm["key"]))
    return Treatment(words=words, gives=arm.get("gives") or {})


def _share(name: str, value: Any) -> float:
    if not 0 < float(value) <= 1:
        raise BadExperimentError(f"{name} lies above 0 and is at most 1")
    return round(float(value), 3)
