"""Real clients: the three OpenFeature providers for remote evaluation, and nginx, against a real server process."""
