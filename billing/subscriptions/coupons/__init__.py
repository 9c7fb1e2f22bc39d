"""Coupons on subscriptions: redeeming, ending, and what counts for an invoice."""
