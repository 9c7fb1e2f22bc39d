"""Reads the rate limits of a plan's terms: per unit of time, per billing period, or in flight; every error names its field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation
from billing.catalog.terms_fields import TermsError, count, documents, key, reject_unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.catalog.item import Meter

MOST_LIMITS = 20
MOST_AMOUNT = 1_000_000_000
MOST_WAIT_MS = 60_000
MOST_LEASE_SECONDS = 3600
SPANS = ("second", "minute", "hour", "day", "week", "month", "billing_period", "in_flight")
MODES = ("refuse", "throttle", "overage", "shadow")
COUNTS = ("cost", "calls")
_FIELDS = {"name", "amount", "per", "burst", "mode", "counts", "max_wait_ms", "lease_seconds", "routes", "meter"}
_MOST_ROUTES = 200


def rate_limits(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The limits of `rate_limits`, each with every field that matters; names are unique within the plan.

    `routes` is the cost of a call by route, for a route that is not there 1. `meter` counts the units beyond a limit of mode `overage`, and
    the plan's charge on it bills them.
    """
    found = documents(document, "rate_limits", most=MOST_LIMITS)
    read = tuple(_limit(each, f"rate_limits.{place}.") for place, each in enumerate(found))
    names = [each["name"] for each in read]
    if len(set(names)) != len(names):
        raise TermsError("two rate limits have one name", field="rate_limits")
    return read


def _limit(document: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    reject_unknown(document, _FIELDS, path)
    per = _word(document, "per", SPANS, "minute", path)
    mode = _word(document, "mode", MODES, "refuse", path)
    is_rate = per not in {"billing_period", "in_flight"}
    if document.get("burst") is not None and not is_rate:
        raise TermsError("only a rate per unit of time has a burst", field=f"{path}burst")
    if mode == "throttle" and not is_rate:
        raise TermsError("only a rate per unit of time can make a call wait", field=f"{path}mode")
    if mode == "overage" and per != "billing_period":
        raise TermsError("only a limit per billing_period can be gone beyond for money", field=f"{path}mode")
    if document.get("meter") is not None and mode != "overage":
        raise TermsError("only what goes beyond a limit of mode overage is counted by a meter", field=f"{path}meter")
    limit: dict[str, Any] = {
        "name": key(document, "name", default="", path=path),
        "amount": count(document, "amount", default=-1, least=0, most=MOST_AMOUNT, path=path),
        "per": per,
        "mode": mode,
        "counts": _word(document, "counts", COUNTS, "cost", path),
    }
    if document.get("burst") is not None:
        limit["burst"] = count(document, "burst", default=0, least=0, most=MOST_AMOUNT, path=path)
    if mode == "throttle":
        limit["max_wait_ms"] = count(document, "max_wait_ms", default=1000, least=1, most=MOST_WAIT_MS, path=path)
    if document.get("lease_seconds") is not None:
        limit["lease_seconds"] = count(
            document, "lease_seconds", default=60, least=1, most=MOST_LEASE_SECONDS, path=path
        )
    if document.get("meter") is not None:
        limit["meter"] = key(document, "meter", default="", path=path)
    return {**limit, **_routes(document, path)}


def check_meters(limits: Sequence[Mapping[str, Any]], meters: Mapping[str, Meter]) -> None:
    """Refuse limits whose units beyond are to be counted by a meter that is not there, or does not add values up."""
    for place, limit in enumerate(limits):
        name, field = limit.get("meter"), f"rate_limits.{place}.meter"
        if name is None:
            continue
        if name not in meters:
            raise TermsError(f"the meter {name!r} does not exist; create it first", field=field, meter=name)
        if meters[name].aggregation is not Aggregation.SUM:
            raise TermsError(
                f"units beyond a limit are added up, so {name!r} has to be a meter of aggregation sum",
                field=field,
                meter=name,
            )


def _routes(document: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    raw = document.get("routes")
    if raw is None:
        return {}
    if not hasattr(raw, "items") or len(raw) > _MOST_ROUTES or not all(isinstance(name, str) for name in raw):
        raise TermsError(f"routes is an object of at most {_MOST_ROUTES} costs by route", field=f"{path}routes")
    where = f"{path}routes."
    return {"routes": {name: count(raw, name, default=1, least=0, most=1_000_000, path=where) for name in sorted(raw)}}


def _word(document: Mapping[str, Any], name: str, known: tuple[str, ...], default: str, path: str) -> str:
    raw = document.get(name, default)
    if raw not in known:
        raise TermsError(f"{name} is one of {', '.join(known)}", field=f"{path}{name}")
    return str(raw)
