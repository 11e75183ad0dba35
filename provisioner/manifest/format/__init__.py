"""Manifests as text: their canonical form, and with more mappings and items of lists, with comments and meaning kept."""

from provisioner.manifest.format.text import formatted, with_items, with_mapping

__all__ = ["formatted", "with_items", "with_mapping"]
