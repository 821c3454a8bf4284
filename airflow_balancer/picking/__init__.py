"""Which host a key gets: queries, candidates and strategies."""
