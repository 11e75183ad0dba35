"""What a code means, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from provisioner.model.codes import Explanation
from provisioner.render.style import Style

_WIDTH = 100


def explanation_text(code: str, item: Explanation, rules: Sequence[str], style: Style) -> str:
    """One code: its title, what it means, what to do, its `rules` between fields in words, AWS's message where one was
    recorded, and a source.
    """
    remedy = item.remedy[0].upper() + item.remedy[1:] + "."
    parts = [style.bold(f"{code}: {item.title}"), _filled(item.meaning), _filled(f"What to do: {remedy}")]
    parts += [_filled(f"Rule: {rule}.") for rule in rules]
    if item.aws:
        parts.append(_filled(f"AWS says: {item.aws}"))
    return "\n\n".join([*parts, f"See {item.source}"])


def codes_text(codes: Mapping[str, Explanation]) -> str:
    """Every code with its heading, one a line."""
    return "\n".join(f"{code}  {item.title}" for code, item in codes.items())


def _filled(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)  # URLs and flags stay whole
