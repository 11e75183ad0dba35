"""stdin, stdout and stderr as every command expects them, however the process was started."""

from __future__ import annotations

import codecs
import os
import sys


def prepare_streams() -> None:
    """Open streams that were closed, and let stdout and stderr take any character.

    A closed stream is opened on the null device, under its own number: the next file that is opened, such as the state,
    would get it otherwise, and prints would go there. What an encoding lacks is written as JSON's escape, which is
    valid in JSON and readable elsewhere.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: those below are open
    sys.stdin = sys.stdin or os.fdopen(0, "r")
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    codecs.register_error("provisioner", _as_escapes)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a test's stream may be of another class
        if reconfigure:
            reconfigure(errors="provisioner")


def _as_escapes(error: UnicodeError) -> tuple[str, int]:
    """What cannot be encoded as JSON's escapes: a character beyond the first 65,536 as two of them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    text = "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    return text, error.end
