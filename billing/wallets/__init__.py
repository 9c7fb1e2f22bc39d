"""Prepaid wallets: what customers paid ahead or were given, how it is spent, and when it ends."""
