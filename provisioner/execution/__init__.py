"""Carries out plans; decides nothing about what is to be done."""
