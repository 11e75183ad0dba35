"""All calls to AWS; no other package makes any."""
