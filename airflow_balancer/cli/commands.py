"""The table of commands."""

from . import check, config, lock, plan, pools, port, select, show, validate

DEFAULT = show.COMMAND
COMMANDS = {module.COMMAND.name: module.COMMAND for module in (show, select, port, lock, validate, config, plan, pools, check)}
