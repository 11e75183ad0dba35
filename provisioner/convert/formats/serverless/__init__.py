"""Serverless Framework files."""
