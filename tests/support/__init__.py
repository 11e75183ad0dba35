"""What tests share: a control plane in this process, the command in a folder, the workflows in this process, and clocks."""

import os

ALL = bool(os.environ.get("TEST_ALL"))
"""Set by `make test-all`: every fault point in S3 too, more processes at once, and other random stories each time."""
