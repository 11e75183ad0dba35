"""Manifests as text: their canonical form, and one more mapping, with comments and meaning kept."""

from provisioner.manifest.format.text import formatted, with_mapping

__all__ = ["formatted", "with_mapping"]
