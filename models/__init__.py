"""Estimators and decisions over arrays and frozen values: no queries, no HTTP."""
