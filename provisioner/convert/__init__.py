"""Mappings that exist, as manifests: what was found, its name, its text and its file. Pure: what is found comes from `aws`, or
from a file.
"""
