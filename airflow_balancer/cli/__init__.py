"""The command lines."""

import sys

__all__ = ("main",)


def main() -> None:
    """Run the command line, and exit with its code; an interrupt is quiet from here on."""
    try:
        from .app import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()
