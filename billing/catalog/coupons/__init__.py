"""Coupons as a tenant offers them: documents that pricing reads, and how often each was redeemed."""
