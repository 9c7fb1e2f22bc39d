"""Counters and timings of the shells, for Prometheus. No metric carries a tenant's or a customer's name."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()

REQUESTS = Counter("uptier_requests_total", "HTTP requests answered", ["route", "status"], registry=REGISTRY)
LATENCY = Histogram(
    "uptier_request_seconds",
    "Seconds from request to answer",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
    registry=REGISTRY,
)
EVENTS = Counter("uptier_events_total", "Usage events by what became of them", ["result"], registry=REGISTRY)
ACCESS = Counter("uptier_access_total", "Access checks by reason", ["reason"], registry=REGISTRY)
RECOMMENDATIONS = Counter("uptier_recommendations_total", "Recommendations by level", ["level"], registry=REGISTRY)
DECISIONS = Counter("uptier_decisions_total", "Offer decisions by reason", ["reason"], registry=REGISTRY)
FEATURES_CHECKED = Counter(
    "uptier_served_features_checked_total", "Served feature vectors computed again", ["result"], registry=REGISTRY
)
FALLBACKS = Counter("uptier_fallbacks_total", "Times a part failed open", ["part"], registry=REGISTRY)
ALARMS = Counter("uptier_model_alarms_total", "Alarms about models that serve", ["task", "kind"], registry=REGISTRY)
