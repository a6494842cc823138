"""Drawn garments, for where the real ones cannot be had."""
