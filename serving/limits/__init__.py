"""Rate limits as a service: the script in Redis, callers that share a flush, the breaker, and what answers say about limits."""
