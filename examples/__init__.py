"""Runnable examples: DAGs and a demo."""
