"""Payments: money that came in for invoices."""
