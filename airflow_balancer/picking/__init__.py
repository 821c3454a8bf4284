"""Which host a key gets: filters, candidates and strategies."""
