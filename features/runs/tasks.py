"""The names of what is trained, in the order it runs: segments first, since the recommender falls back on them."""

from __future__ import annotations

TASKS: tuple[str, ...] = (
    "segments",
    "churn",
    "payment_failure",
    "lifetime",
    "propensity",
    "upgrades",
    "uplift",
    "value",
    "recommender",
    "bundles",
)
