"""The command lines `airflow-balancer` and `airflow-balancer-viewer`."""

import sys

__all__ = ("main",)


def main() -> None:
    """Run the command line and exit with its code. An interrupt during the imports is quiet, too."""
    try:
        from .app import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()
