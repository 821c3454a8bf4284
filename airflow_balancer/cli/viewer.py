"""Runs `airflow-balancer-viewer`: serves the page without Airflow, for the configuration on the command line."""

from __future__ import annotations

import socket
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BalancerError, ConfigurationError, Problem
from ..fleet.masking import mask_text, mask_word, word_secrets
from .arguments import sort_arguments, tree_parser
from .command import UsageError
from .output import say

if TYPE_CHECKING:
    from ..viewer.configuration import Places


_FAILED, _MISUSED = 1, 2
_MAX_PORT = 65535
_NO_EXTRA = "the viewer needs FastAPI and uvicorn: pip install 'airflow-balancer[viewer]'"
_HINT = "There is no configuration in this folder: make one, such as config.yaml with balancer: {hosts: [{name: host1, size: 8}]}"
USAGE = "[FILE | --config-dir DIR] [--host HOST] [--port PORT] [OVERRIDE ...]"
_EPILOG = """what is shown:
  FILE               a balancer's YAML
  --config-dir DIR   a Hydra tree, or a folder with several configurations; default: the nearest conf/ or config/

Any Hydra override besides, such as env=prod. Environments, queries and filters are chosen on the page.
The page asks for no login: on any other address than this machine's own, everyone who reaches it can read it.
Exit codes: 0 done; 1 the configuration is wrong, or the port is taken; 2 wrong usage
"""


def viewer_parser() -> ArgumentParser:
    """Return the parser of `airflow-balancer-viewer`."""
    parser = tree_parser("airflow-balancer-viewer", USAGE, "Show a fleet of hosts and ports as a page.", _EPILOG)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", default=8765, type=_port, help="the port to listen on, 0 for any that is free (default: 8765)")
    parser.add_argument("--help", "-h", action="help", help="show this help message and exit")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _MAX_PORT:
        raise ValueError
    return int(text)


def _places(given: Namespace) -> Places:
    """Return the configuration that the command line names, or the folder whose configurations are shown."""
    from ..viewer.configuration import Places

    folder = given.config_dir and given.config_dir.absolute()
    roots = [folder / name for name in ("config.yaml", "balancer.yaml")] if folder else []
    if folder and folder.is_dir() and not given.config_name and not any(map(Path.is_file, roots)):
        if given.words:
            raise UsageError(f"{mask_word(given.words[0])!r} overrides nothing: {folder} holds no config.yaml")
        return Places((folder,), hint=_HINT)
    options = {"--config-name": given.config_name, "--config-dir": given.config_dir}
    arguments = sort_arguments([*(str(word) for option in options.items() if option[1] for word in option), *given.words])
    if arguments.given:
        raise UsageError(f"{arguments.given!r} is for airflow-balancer; the page has a tab for it")
    assert arguments.source is not None
    return Places((arguments.source.parent,), ((arguments.source, tuple(arguments.overrides)),), _HINT)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        raise BalancerError(f"cannot listen on {host} port {port}: {error.strerror}; give another with --host or --port") from None
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _only_this_machine(host: str) -> Callable[..., None]:
    """Return a guard against DNS rebinding: pages of other sites whose names resolve to this machine."""
    from fastapi import HTTPException, Request

    def guard(request: Request) -> None:
        asked = request.url.hostname or ""
        if not _is_loopback(asked) and asked != host:
            raise HTTPException(421, f"this page is at {host}")

    guard.__annotations__ = {"request": Request, "return": None}
    return guard


def _serve(places: Places, host: str, port: int) -> None:
    try:
        import uvicorn

        from ..viewer.app import create_app
        from .impatient import ImpatientProtocol
    except ImportError:
        raise BalancerError(_NO_EXTRA) from None
    from ..viewer.catalogue import Catalogue
    from ..viewer.service import Viewer

    catalogue = Catalogue(lambda: places)
    _check(catalogue, places)
    guards: list[Callable[..., Any]] = [_only_this_machine(host)] if _is_loopback(host) else []
    app = create_app(Viewer(catalogue), guards)
    with _listen(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"airflow-balancer-viewer: http://{shown}:{listener.getsockname()[1]}/ (Ctrl+C ends it)\n")
        if not _is_loopback(host):
            sys.stdout.write(f"airflow-balancer-viewer: there is no login; everyone who reaches {host} can read this page\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, log_level="warning", server_header=False, http=ImpatientProtocol)
        uvicorn.Server(config).run([listener])


def _check(catalogue: Any, places: Places) -> None:
    """Compose the named configuration once, to report its errors here. The page shows later ones."""
    if not places.named:
        return
    listing = catalogue.look()
    if listing.problems:
        raise ConfigurationError(map(Problem, listing.problems))
    for identity in listing.configurations:
        catalogue.open(identity)


def _main(argv: Sequence[str]) -> int:
    given = viewer_parser().parse_intermixed_args(list(argv))
    try:
        _serve(_places(given), given.host, given.port)
    except (UsageError, BalancerError) as error:
        say(mask_text(str(error), word_secrets(argv)), "airflow-balancer-viewer")
        return _MISUSED if isinstance(error, UsageError) else _FAILED
    except KeyboardInterrupt:
        pass
    return 0


def main() -> None:
    """Run the command line, and exit with its code."""
    sys.exit(_main(sys.argv[1:]))
