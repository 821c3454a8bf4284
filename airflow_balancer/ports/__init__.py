"""Which port is free on a host, and the lock file that keeps ports apart."""
