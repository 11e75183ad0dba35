"""Plans, reports and diagnostics as text. Types never print themselves, and nothing here prints either."""
