"""Automatic top-ups of wallets: when one is asked for, and what became of it."""
