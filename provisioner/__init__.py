"""Plans and applies AWS Lambda event source mappings from YAML."""

__version__ = "0.1.0"
