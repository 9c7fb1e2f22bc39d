"""Training runs: what is queued, runs and was done for each task, who holds the lease, and when the next night's runs are due."""
