"""Invoices: drafted when a period closes, issued with a gapless number, posted to the ledger, and paid."""
