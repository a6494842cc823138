"""Timings, side by side; each module writes a JSON file beside itself."""
