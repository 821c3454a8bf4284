"""`airflow-balancer schema`: prints a JSON Schema of the YAML, for editors."""

from __future__ import annotations

import json

from .command import Command, Key, Report, Request


def schema_text(part: str = "balancer") -> str:
    """Return the JSON Schema of a part of the configuration as JSON."""
    from ..hydra.json_schema import json_schema

    return json.dumps(json_schema(part), indent=2)


def _answer(request: Request) -> Report:
    # A string, because the data under keys such as `password` would be masked.
    return {"schema": schema_text(request.keys.get("part", "balancer"))}


COMMAND = Command(
    name="schema",
    summary="print a JSON Schema of the YAML, with which editors complete and check it",
    help="The schema is for a balancer's YAML and for the files of a Hydra tree. Write it beside them, and name it in their first lines:\n"
    "  # yaml-language-server: $schema=balancer.schema.json\n"
    "For a file whose `# @package` ends in `.hosts`, `.ports` or `.strategy`, and for an inventory, print that part.",
    example="schema > balancer.schema.json",
    answer=_answer,
    keys=(Key("part", "balancer|hosts|ports|strategy", "what the file holds (default: balancer, or a tree with one)"),),
    line=lambda report: str(report["schema"]),
    needs_source=False,
)
