"""Tests of prepaid wallets."""
