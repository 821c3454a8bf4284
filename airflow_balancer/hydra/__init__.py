"""Composes a fleet with Hydra: structured configs, resolvers, and the origin of each value."""
