"""Whether a hand-over is complete."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.model.key import Key


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether a mapping is handed over. `held` says who still has it, "" for nobody; `stopped` why it does not run, "" when it
    does; `changed` what an apply would do to it, "" for nothing.
    """

    name: str
    key: Key
    held: str = ""
    stopped: str = ""
    changed: str = ""

    @property
    def problems(self) -> list[str]:
        """What is missing, as sentences without their ends."""
        held = f"not released: {self.held}" if self.held else ""
        return [text for text in (held, self.stopped, self.changed) if text]
