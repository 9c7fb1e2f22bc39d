"""Who may be contacted for what and where: consent, suppressions, the holdout and quiet hours, decided in the query."""
