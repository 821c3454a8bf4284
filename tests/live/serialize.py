"""Print the hash of a DAG file's serialized DAGs: `python serialize.py FILE`; the last line."""

from __future__ import annotations

import hashlib
import json
import runpy
import sys

try:
    from airflow.serialization.serialized_objects import DagSerialization as Serialization
except ImportError:
    from airflow.serialization.serialized_objects import SerializedDAG as Serialization

dags = [Serialization.to_dict(value) for value in runpy.run_path(sys.argv[1]).values() if hasattr(value, "task_dict")]
text = json.dumps(dags, sort_keys=True)
sys.stdout.write(f"\n{len(dags)} {hashlib.sha256(text.encode()).hexdigest()}\n")
