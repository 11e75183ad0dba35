"""What must still hold before a call that changes something: checked at the moment of use, before every attempt.

The lock and the files of the state are checked by the log, the account by the answers. Ownership is checked in
planning (`planning/ownership.py`), because it is shown and approved; where the plan saw no owner, `owner` reads the tags
again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from provisioner.aws.session import Aws
from provisioner.backend.store import Log, Writer


@contextmanager
def guarded(aws: Aws, log: Log | Writer) -> Iterator[None]:
    """While inside, every attempt of a changing call of this session first asks the log whether lock and state are still
    this process's: a retry can come minutes after the first attempt. What is raised then is StateError.
    """
    aws.before_change = log.check
    try:
        yield
    finally:
        aws.before_change = None
