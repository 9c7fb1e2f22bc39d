"""Carrying out training runs: one worker a task by lease, going on where another was cut short, and saying what became of each."""
