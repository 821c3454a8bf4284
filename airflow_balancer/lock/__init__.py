"""The lock file: the host of each key and each free port, so that files that are parsed apart agree."""
