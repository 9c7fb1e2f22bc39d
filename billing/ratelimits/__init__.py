"""Rate limits, quotas and calls in flight: one arithmetic, decided jointly for all limits of a call, in whole numbers."""
