"""Finds and reads YAML files."""
