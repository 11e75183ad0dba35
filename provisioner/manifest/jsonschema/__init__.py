"""The shape of a manifest as JSON Schema, for editors."""

from provisioner.manifest.jsonschema.document import manifest_schema

__all__ = ["manifest_schema"]
