"""Hosts, ports and pools as validated data, with all rules and messages."""
