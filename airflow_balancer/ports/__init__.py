"""Which port is free on a host."""
