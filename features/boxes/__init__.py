"""Boxes of micro-subscriptions: what a plan delivers each period, what the shelf of a period holds, and what everybody gets."""
