"""What there is: hosts, ports and pools as validated data, with every rule and message."""
