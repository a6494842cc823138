"""Drawn garments, for where the real ones can't be had."""

from scratchcnn.data.drawn.dataset import write
from scratchcnn.data.drawn.garments import draw
from scratchcnn.data.drawn.more_garments import GARMENTS

__all__ = ["GARMENTS", "draw", "write"]
