"""A plan as a JSON document and back: what the database keeps, requests bring and the digest is made of."""

from __future__ import annotations

from dataclasses import asdict, fields
from enum import Enum
from typing import TYPE_CHECKING, Any

from models.experiments.assign import AllocationError, Namespace
from models.experiments.inference.guard import Better
from models.experiments.plan import Arm, Design, Metric, MetricKind, Plan, PlanError

if TYPE_CHECKING:
    from collections.abc import Mapping

_METRIC_WORDS = frozenset(field.name for field in fields(Metric))
_PLAN_WORDS = frozenset(field.name for field in fields(Plan))


def to_document(plan: Plan) -> dict[str, Any]:
    """Plain values only.

    >>> plan = Plan(key="p", salt="s", arms=(Arm(key="a", weight=0.5), Arm(key="b", weight=0.5)),
    ...             primary=Metric(key="revenue", kind=MetricKind.MEAN))
    >>> from_document(to_document(plan)) == plan
    True
    """
    plain: dict[str, Any] = _plain(asdict(plan))
    return plain


def from_document(document: Mapping[str, Any]) -> Plan:
    """The plan a document describes; raises PlanError with a sentence for what is unknown or makes no sense."""
    unknown = sorted(document.keys() - _PLAN_WORDS)
    if unknown:
        raise PlanError(f"a plan knows no {', '.join(unknown)}")
    try:
        return Plan(**{**document, **_parts(document)})
    except AllocationError as error:
        raise PlanError(str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, PlanError):
            raise
        raise PlanError(f"the plan cannot be read: {error}") from error


def _parts(document: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "arms": tuple(Arm(key=str(arm["key"]), weight=float(arm["weight"])) for arm in document["arms"]),
        "primary": metric_from(document["primary"]),
        "design": Design(document.get("design", Design.ANYTIME.value)),
        "looks": tuple(float(look) for look in document.get("looks", (0.5, 1.0))),
    }
    for group in ("secondary", "guardrails"):
        found[group] = tuple(metric_from(metric) for metric in document.get(group, ()))
    namespace = document.get("namespace")
    found["namespace"] = Namespace(**namespace) if namespace else None
    return found


def metric_from(document: Mapping[str, Any]) -> Metric:
    """The metric a document describes; raises PlanError."""
    unknown = sorted(document.keys() - _METRIC_WORDS)
    if unknown:
        raise PlanError(f"a metric knows no {', '.join(unknown)}")
    better = Better(document.get("better", Better.HIGHER.value))
    return Metric(**{**document, "kind": MetricKind(document["kind"]), "better": better})


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value
