"""From sufficient statistics to a verdict: sums, contrasts, tests, and the plan that says how long to wait."""
