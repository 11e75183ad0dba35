"""The plan carried out: it never decides."""
