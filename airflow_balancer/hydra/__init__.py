"""Hydra around the fleet: structured configs, composing, resolvers, and where values come from."""
