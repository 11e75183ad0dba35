"""Text with ANSI codes, or without."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """Puts ANSI codes around text when `colour` is true, as Terraform does (docs/architecture.md#output). Empty text
    stays empty.
    """

    colour: bool = False

    def bold(self, text: str) -> str:
        """For what a reader should see first."""
        return self._paint("1", text)

    def red(self, text: str) -> str:
        """Deletion, errors."""
        return self._paint("31", text)

    def green(self, text: str) -> str:
        """Creation."""
        return self._paint("32", text)

    def yellow(self, text: str) -> str:
        """Change, warnings."""
        return self._paint("33", text)

    def grey(self, text: str) -> str:
        """For what a reader may skip."""
        return self._paint("90", text)

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colour and text else text
