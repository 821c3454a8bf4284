"""The table of commands."""

from . import check, config, init, lock, plan, pools, port, schema, select, show, validate

DEFAULT = show.COMMAND
COMMANDS = {
    module.COMMAND.name: module.COMMAND for module in (show, select, port, lock, validate, config, plan, pools, check, init, schema)
}
