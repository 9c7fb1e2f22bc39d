"""Access decisions in the process: from snapshots that are dropped within a tenth of a second of a change, wherever it was made."""
