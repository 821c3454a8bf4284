"""Runs `airflow-balancer`: sorts the arguments, answers each request, prints the answer or the error."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import TextIOWrapper

from ..errors import BalancerError, ConfigurationError, NoFreePort, NoMatch
from ..files.reading import reading
from ..fleet.masking import mask, mask_text, mask_word, masking, word_secrets
from .arguments import Arguments, help_of, sort_arguments, unknown_key
from .command import Command, Request, UsageError
from .hydra_app import check_overrides, complete, run_hydra_app, split_sweep
from .output import print_answer, say

_FAILED, _MISUSED, _DIFFERS, _INTERRUPTED = 1, 2, 3, 130


def _answer(arguments: Arguments, request: Request) -> int:
    """Print the answer to one request and return its exit code."""
    command = arguments.command
    modules = (request.source.parent,) if request.source else ()
    with masking(lambda: request.secrets):
        try:
            # Airflow and DAG files may print, and stdout is for the answer.
            with redirect_stdout(sys.stderr), reading(modules=modules):
                report = command.answer(request)
        except ConfigurationError as error:
            raise _misspelt(arguments, error) or error from None
    print_answer(command, mask(report, request.secrets), str(request.keys.get("output", "table")), request.title)
    return _DIFFERS if command.compares and report.get("differs") else 0


def _misspelt(arguments: Arguments, error: ConfigurationError) -> ConfigurationError | None:
    """Return a better error for an override that the tree does not know but that resembles a key of the command."""
    for override in arguments.overrides:
        key = override.partition("=")[0]
        if f"Could not override '{key}'" not in str(error):
            continue
        if f"query.{key}" in arguments.command.all_keys:
            text = f"the configuration has no key {key!r}; for a query write query.{mask_word(override)}"
            return ConfigurationError(f"{arguments.source}: {text}")
        if message := unknown_key(arguments.command, key):
            return ConfigurationError(message)
    return None


def _requests(arguments: Arguments) -> list[Request]:
    """Return the requests of a command line: one, or one for each run of a sweep."""
    source, keys, overrides, known = arguments.source, arguments.keys, arguments.overrides, arguments.command.all_keys
    if source is None or not arguments.multirun:
        check_overrides(overrides, known)
        return [Request(source, tuple(overrides), keys)]
    runs = split_sweep(source, overrides, known)
    secrets = word_secrets(overrides)
    query = [f"{key}={_written(value)}" for key, value in keys.items() if key.startswith("query.")]
    return [
        Request(source, tuple(run), keys, title=", ".join(mask_word(word.lstrip("+"), secrets) for word in (*run, *query))) for run in runs
    ]


def _written(value: object) -> object:
    return f"[{','.join(map(str, value))}]" if isinstance(value, list) else value


def _run(argv: Sequence[str]) -> int:
    try:
        arguments = sort_arguments(argv)
    finally:
        sys.stdout.flush()  # the version, after which argparse exits
    if arguments.help:
        sys.stdout.write(help_of(arguments))
        return 0
    if arguments.info or arguments.completion:
        _ask_hydra(arguments)
        return 0
    codes, failures = list[int](), list[BalancerError]()
    for request in _requests(arguments):
        try:
            codes.append(_answer(arguments, request))
        except BalancerError as error:
            failures.append(error)
            _tell_programs(arguments.command, request, error)
    for failure in failures:
        text = f"{arguments.source}: {failure}" if isinstance(failure, NoMatch | NoFreePort) else str(failure)
        say(mask_text(text, word_secrets(argv)))
    return _FAILED if failures else max(codes)


def _tell_programs(command: Command, request: Request, error: BalancerError) -> None:
    """Print the hosts that each condition of a failed query left out, if the answer is for programs."""
    output = str(request.keys.get("output", "table"))
    if isinstance(error, NoMatch) and error.left_out and output in ("json", "yaml"):
        print_answer(command, {"error": str(error), "left_out": error.left_out}, output, request.title)


def _ask_hydra(arguments: Arguments) -> None:
    if "query=" in arguments.completion:
        complete(arguments.completion)
    elif arguments.source:
        run_hydra_app(arguments.source, arguments.overrides, arguments.info, arguments.completion)


def _main(argv: Sequence[str]) -> int:
    try:
        code = _run(argv)
        sys.stdout.flush()
    except (UsageError, BalancerError) as error:
        say(mask_text(str(error), word_secrets(argv)))
        return _MISUSED if isinstance(error, UsageError) else _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout when it exits, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def main() -> None:
    """Run the command line, and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # for characters that the terminal's encoding lacks
    sys.exit(_main(sys.argv[1:]))
