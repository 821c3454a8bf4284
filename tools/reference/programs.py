"""The command lines and the settings of `airflow.cfg`."""

from __future__ import annotations

import re
from argparse import SUPPRESS, ArgumentParser

from airflow_balancer.airflow.options import OPTIONS
from airflow_balancer.cli import arguments, viewer
from airflow_balancer.cli.command import Command
from airflow_balancer.cli.commands import DEFAULT, all_commands

from .markdown import code, page, prose, sentence, table


def command_line_page() -> str:
    """Return the page of both programs, from the table of commands and the parsers."""
    return page(
        "Command line",
        "You can look up each command here, its keys, and the flags and exit codes of both programs.",
        "## airflow-balancer",
        f"`airflow-balancer [COMMAND] [KEY=VALUE ...] {arguments.REST}`",
        f"Without a command it is `{DEFAULT}`. `FILE` is a balancer's YAML, `DIR` a Hydra tree; without either, it is the nearest "
        "`conf/` or `config/` from the working directory upwards. An `OVERRIDE` is any of Hydra's, such as `env=prod`.",
        table(("command", "does"), [(f"[`{command.name}`](#{command.name})", sentence(command.summary)) for command in all_commands()]),
        _flags(arguments.command_parser()),
        "### Exit codes",
        table(("code", "means"), [(code(number), sentence(text)) for number, text in arguments.EXIT_CODES.items()]),
        *(_command(command) for command in all_commands()),
        "## airflow-balancer-viewer",
        f"`airflow-balancer-viewer {viewer.USAGE}`",
        "Shows a fleet as a page, without Airflow. There is no login: on any other address than this machine's own, everyone who reaches "
        "it can read it.",
        _flags(viewer.viewer_parser()),
    )


def _flags(parser: ArgumentParser) -> str:
    # argparse has no public list of what a parser takes.
    actions = [action for action in parser._actions if action.option_strings and action.help != SUPPRESS]
    rows = [
        (", ".join(map(code, action.option_strings)), code(action.metavar or ""), _help(action.help or "", parser)) for action in actions
    ]
    return table(("flag", "value", "meaning"), rows)


def _help(text: str, parser: ArgumentParser) -> str:
    return sentence(text.replace("%(prog)s", parser.prog))


def _command(command: Command) -> str:
    keys = [(code(key.name), code(key.value), sentence(key.help)) for key in command.all_keys.values()]
    return "\n\n".join(
        [
            f"### {command.name}",
            sentence(command.summary),
            re.sub(r"\n  (.+)\n", r"\n\n`\1`\n\n", prose(command.help)),
            f"Example: `airflow-balancer {command.example}`",
            table(("key", "value", "meaning"), keys),
            *(["It exits with 3 if something differs."] if command.compares else []),
        ]
    )


def settings_page() -> str:
    """Return the page of section `[balancer]`."""
    rows = [(code(key), sentence(option["description"]), code(option["example"] or ""), "0.8.0") for key, option in OPTIONS.items()]
    return page(
        "Settings",
        "You can look up each option of section `[balancer]` of `airflow.cfg` here.",
        "Without Airflow, the command line and the page read the same options from the environment: `config_path` is "
        "`AIRFLOW__BALANCER__CONFIG_PATH`. All are strings, and empty by default.",
        table(("option", "meaning", "example", "since"), rows),
        "A command's own keys, such as `api_url=...`, take precedence.",
    )
