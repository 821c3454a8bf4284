"""The lock file: the host of each key and each free port, so that DAG files parsed in different processes agree."""
