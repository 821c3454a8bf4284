"""The pages of the reference."""

from __future__ import annotations

from .keys import resolvers_page, yaml_page
from .messages import messages_page
from .programs import command_line_page, settings_page
from .python import python_page


def pages() -> dict[str, str]:
    """Return the pages, by the names of their files."""
    return {
        "yaml.md": yaml_page(),
        "resolvers.md": resolvers_page(),
        "command-line.md": command_line_page(),
        "settings.md": settings_page(),
        "python.md": python_page(),
        "messages.md": messages_page(),
    }
