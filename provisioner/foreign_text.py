"""Text that did not come from this program: from AWS, a state, a lock."""

from __future__ import annotations


def one_line(text: str) -> str:
    """A foreign text on one line, without what a terminal or a CI would obey: control characters and marks of direction
    are escaped, line breaks are spaces, because a line of its own could be a workflow command.
    """
    flat = " ".join(text.split())
    if flat.isprintable():
        return flat
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in flat
    )
