"""Tax rates by country, region and class of what is sold, with the days between which they hold."""
