"""The thirteen features written by hand as one DuckDB statement: what somebody who needs them on one engine would write.

The baseline of `uptier bench features`: same rows, same rules (strictly before the as-of, known by then, equal windows and defaults).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from features.view import DAY_US, NEVER_DAYS

if TYPE_CHECKING:
    import pyarrow as pa


def _window(days: int) -> str:
    return f"FILTER (WHERE p.at_us >= a.as_of_us - {days * DAY_US})"


_STATEMENT = f"""
WITH found AS (
  SELECT a.customer, a.as_of_us,
    COUNT(DISTINCT p.basket) {_window(30)} AS orders_30d,
    COUNT(DISTINCT p.basket) {_window(90)} AS orders_90d,
    COUNT(DISTINCT p.basket) {_window(365)} AS orders_365d,
    COUNT(DISTINCT p.basket) AS baskets,
    COALESCE(SUM(p.amount_minor) {_window(30)}, 0)::BIGINT AS spend_30d_minor,
    COALESCE(SUM(p.amount_minor) {_window(90)}, 0)::BIGINT AS spend_90d_minor,
    COALESCE(SUM(p.amount_minor) {_window(365)}, 0)::BIGINT AS spend_365d_minor,
    COUNT(DISTINCT p.item) {_window(365)} AS distinct_items_365d,
    MAX(p.at_us) AS last_us, MIN(p.at_us) AS first_us
  FROM moments AS a LEFT JOIN purchases AS p
    ON p.customer = a.customer AND p.at_us < a.as_of_us AND p.received_us <= a.as_of_us
  GROUP BY a.customer, a.as_of_us
)
SELECT customer, as_of_us, orders_30d, orders_90d, orders_365d, spend_30d_minor, spend_90d_minor, spend_365d_minor,
  COALESCE((as_of_us - last_us) // {DAY_US}, {NEVER_DAYS}) AS days_since_last_order,
  COALESCE((as_of_us - first_us) // {DAY_US}, 0) AS days_since_first_order,
  CASE WHEN baskets > 1 THEN (last_us - first_us)::DOUBLE / ((baskets - 1) * {DAY_US})::DOUBLE ELSE {NEVER_DAYS} END
    AS mean_order_gap_days,
  distinct_items_365d,
  CASE WHEN orders_365d = 0 THEN 0 ELSE spend_365d_minor::DOUBLE / orders_365d::DOUBLE END AS basket_value_365d_minor,
  CASE WHEN spend_90d_minor = 0 THEN 0 ELSE spend_30d_minor::DOUBLE * 3.0::DOUBLE / spend_90d_minor::DOUBLE END
    AS spend_trend_30d_90d,
  CASE WHEN orders_365d = 0 THEN 0 ELSE orders_90d::DOUBLE * 4.0::DOUBLE / orders_365d::DOUBLE END
    AS order_trend_90d_365d
FROM found ORDER BY as_of_us, customer
"""  # noqa: S608 (constants)


def raw_features(purchases: pa.Table, asof: pa.Table) -> pa.Table:
    """The features of every as-of, by moment and customer."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("purchases", purchases)
        connection.register("moments", asof)
        return connection.sql(_STATEMENT).to_arrow_table()
