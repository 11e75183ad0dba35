"""Formats plans, reports and diagnostics as text. Returns strings; `cli` prints them."""
