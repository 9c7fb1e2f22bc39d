"""The next box: what each subscriber of a delivered selection gets in the coming period."""
