"""Values of the wrong type, in words."""

from __future__ import annotations

from typing import Any, Final

from provisioner.manifest.reader import scalar

A_MAP: Final = "a map (`name: value` lines)"


def type_hint(wanted: str, value: Any) -> str:
    """How to write a value of the wrong type, or "". `wanted` is the right type in words."""
    if wanted == "a string" and isinstance(value, int | float):
        return "put it in quotes"
    if wanted == "true or false" and str(value).lower() in ("yes", "no", "on", "off"):
        return "use true or false; in YAML 1.2, yes, no, on and off are strings"
    scalars = wanted in ("a whole number", "true or false")
    quoted = scalars and isinstance(value, str) and not isinstance(scalar(value), str | None)
    return "remove the quotes" if quoted else ""


def shown(value: Any) -> str:
    """A value as an error names it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return A_MAP if isinstance(value, dict) else "a list"
    return f"the string {value!r}" if isinstance(value, str) else str(value)
