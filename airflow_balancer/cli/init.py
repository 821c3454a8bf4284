"""`airflow-balancer init`: writes a small tree to start from."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigurationError
from .command import Command, Report, Request
from .schema import schema_text

_START = Path(__file__).parent / "start"


def _answer(request: Request) -> Report:
    folder = Path(request.keys.get("folder", "."))
    files = {path.relative_to(_START): path.read_text() for path in sorted(_START.rglob("*.yaml"))}
    files[Path("balancer.schema.json")] = f"{schema_text()}\n"
    try:
        _check_empty(folder)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("x") as file:
                file.write(content)
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: cannot be written: {error.strerror}") from None
    return {"folder": str(folder), "files": list(map(str, files))}


def _check_empty(folder: Path) -> None:
    """Refuse a folder that holds more than hidden files, such as Git's."""
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder}: is a file; give a new folder, such as airflow-balancer init fleet")
    if folder.exists() and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise ConfigurationError(f"{folder.absolute()}: the folder is not empty; give a new one, such as airflow-balancer init fleet")


def _line(report: Report) -> str:
    into = [] if report["folder"] == "." else [f"  cd {report['folder']}"]
    steps = ["airflow-balancer validate", "airflow-balancer show env=prod", "airflow-balancer plan against=env=prod"]
    return "\n".join(
        [f"wrote {', '.join(report['files'])}", "next:", *into, *(f"  {step}" for step in steps), "then edit conf/config.yaml"]
    )


COMMAND = Command(
    name="init",
    summary="write a small tree to start from into a new folder",
    help="`init DIR` writes into DIR, `init` into this folder, which must be empty. It asks nothing and overwrites nothing.",
    example="init fleet",
    answer=_answer,
    line=_line,
    needs_source=False,
    writes_folder=True,
)
