"""Carries out plans. It decides nothing that a plan decides; only when a create is refused because the pair is taken,
it imports the holder by the same rule as planning.
"""
