"""Terraform and OpenTofu: states and plans."""
