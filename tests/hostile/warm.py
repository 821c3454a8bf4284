"""Loads what every path needs, once, in the process that children are forked from."""

import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

logging.disable()
warnings.simplefilter("ignore")

from .inputs import PLAIN, TREE  # noqa: E402
from .paths import PATHS, read_by  # noqa: E402
from .rig import Job  # noqa: E402

for given in (PLAIN, TREE):
    with TemporaryDirectory() as folder:
        job = Job(given.write(Path(folder)), given.overrides, tuple(PATHS))
        for path in PATHS:
            read_by(path, job)
