"""T-shirts, trousers and shirts, no two of them alike: `draw`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from scratchcnn.arrays import Array, check_generator, check_size
from scratchcnn.data.fashion_mnist import Bytes

Size: TypeAlias = Array | float
Point: TypeAlias = tuple[Size, Size]


class Canvas:
    """N sheets of 28 x 28 pixels, drawn upon all at once.

    On each, x counts the pixels from the garment's middle to either side,
    and y from its top downwards; ink is 0 for background, 1 for black.
    `across` is x with a sign, negative to the left, for what has no twin.
    Shapes: x, across and ink (N, 28, 28), y (N, 28, 1).
    """

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.count, self.rng = count, rng
        between, grid = self.between, np.arange(28, dtype=np.float32)
        y = (grid[:, None] - between(-1.3, 0.3)) / between(0.94, 1.03)
        lean, bend = between(-0.06, 0.06), between(-0.006, 0.006)
        middle = between(12, 15) + (lean + bend * (y - 14)) * (y - 14)
        self.across: Array = (grid - middle) / between(0.75, 1.12)
        self.x, self.y = np.abs(self.across), y
        self.ink = np.zeros_like(self.x)

    def between(self, low: float, high: float) -> Array:
        """Draw a number from low to high for each sheet, (N, 1, 1)."""
        u = self.rng.random((self.count, 1, 1), np.float32)
        return low + (high - low) * u

    def some(self, share: float) -> Array:
        """Choose that share of the sheets: 1 for them, 0 for the others."""
        return (self.between(0, 1) < share).astype(np.float32)

    def speckles(self) -> Array:
        """Toss a coin, 0 or 1, for each block of 2 x 2 pixels."""
        blocks = self.rng.integers(0, 2, (self.count, 14, 14), np.uint8)
        return blocks.repeat(2, 1).repeat(2, 2).astype(np.float32)

    def bar(self, a: Point, b: Point, start: Size, end: Size) -> Array:
        """Cover the bar from a to b, `start` and `end` wide, and its twin.

        Pixels inside get 1, those outside 0, on the border in between.
        """
        (ax, ay), (bx, by) = a, b
        length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
        ux, uy = (bx - ax) / length, (by - ay) / length
        dx, dy = self.x - ax, self.y - ay
        along, across = dx * ux + dy * uy, np.abs(dx * uy - dy * ux)
        half = (start + (end - start) / length * along) / 2
        depth = np.minimum(half - across, np.minimum(along, length - along))
        cover: Array = np.clip(depth + 0.5, 0, 1)
        return cover

    def sew(self, cover: Array) -> None:
        """Put a piece of new cloth over what is there."""
        self.ink += cover * (1 - self.ink)

    def tint(self, cover: Array, factor: Size) -> None:
        """Make the cloth under `cover` darker or lighter by a factor."""
        self.ink *= 1 + cover * (factor - 1)

    def dye(self, hoops: float, stripes: float, speckled: float) -> None:
        """Give each garment a shade, and these shares of them a pattern."""
        between, some, y = self.between, self.some, self.y
        pattern = some(speckled) * self.speckles()
        pattern += some(stripes) * np.cos(between(0.7, 2) * self.x)
        pattern += some(hoops) * np.cos(between(0.7, 2) * y + between(0, 6))
        light = between(-0.03, 0.03) * self.x + between(-0.01, 0.01) * y
        contrast, shade = between(-0.5, 0.5), between(0.12, 0.95)
        self.ink *= shade * (1 + light + contrast * pattern)


def trousers(canvas: Canvas) -> None:
    """Draw a waist and two legs, some of them very wide."""
    between, bar = canvas.between, canvas.bar
    wide, crotch = 1 + canvas.some(0.2) * between(0.3, 0.9), between(8, 13)
    waist, hip = wide * between(8, 11), wide * between(9, 12)
    foot, gap = wide * between(2.6, 5.5), between(-0.5, 4.5)
    thigh, ankle = (hip / 4, crotch - 3), ((gap + foot) / 2, 28)
    canvas.sew(bar((0, 0), (0, crotch), waist, hip))
    canvas.sew(bar(thigh, ankle, hip / 2, foot))
    canvas.tint(bar(thigh, ankle, 2, 1), between(0.7, 1.1))
    canvas.tint(bar((0, 0), (0, 1.6), waist, waist), between(0.6, 1.2))
    canvas.tint(bar((0, 1.6), (0, crotch), 0.5, 0.5), between(0.5, 1))
    canvas.dye(hoops=0.01, stripes=0.06, speckled=0.06)


def top(canvas: Canvas, sleeve: Array, angle: Array) -> None:
    """Draw sleeves, a body over them, shoulders, and an open neck."""
    between, bar = canvas.between, canvas.bar
    chest, waist, hem = between(11, 15.5), between(10.5, 15), between(11.5, 16)
    y, middle, end = between(3.5, 5), between(12, 18), between(25, 28.5)
    x = chest / 2 - 1.5
    hand = x + sleeve * np.cos(angle), y + sleeve * np.sin(angle)
    canvas.sew(bar((x, y), hand, between(4.5, 6), between(3, 5)))
    canvas.tint(bar((0, y), (0, end), chest + 2, hem + 2), between(0.6, 1))
    canvas.sew(bar((0, y - 1), (0, middle), chest, waist))
    canvas.sew(bar((0, middle - 0.9), (0, end), waist, hem))
    canvas.sew(bar((0, 0.2), (0, y + 0.5), between(8, 10), chest + 2))
    neck = bar((0, -1), (0, between(0.8, 4.5)), between(4, 7), between(1, 3))
    canvas.tint(neck, canvas.some(0.6) * between(0.3, 0.8))


def t_shirt(canvas: Canvas) -> None:
    """Draw a top, mostly with short sleeves, and often with a print."""
    between, some = canvas.between, canvas.some
    long, size = some(0.22), between(4, 9)
    sleeve = between(2, 8) + long * between(6, 13)
    top(canvas, sleeve, between(0.4, 1.1) + long * between(0.3, 0.5))
    square = canvas.bar((0, 8), (0, 8 + size), size, size)
    blots = some(0.4) * square * canvas.speckles()
    canvas.tint(blots, 1.5 * some(0.5) + between(0.1, 0.5))
    canvas.dye(hoops=0.2, stripes=0.03, speckled=0.08)


def shirt(canvas: Canvas) -> None:
    """Draw a top, mostly with long sleeves, with a collar and buttons."""
    between, some, bar = canvas.between, canvas.some, canvas.bar
    short = some(0.22)
    sleeve = between(15, 23) - short * between(10, 15)
    top(canvas, sleeve, between(1.15, 1.45) - short * between(0, 0.8))
    canvas.tint(bar((2.6, 0), (0.6, 5), 1.8, 1.8), between(0.6, 1.3))
    placket = bar((0, between(2, 5)), (0, 28), 1.4, 1.4)
    canvas.tint(placket, between(0.7, 1.3))
    buttons = placket * (np.cos(between(1.4, 2.1) * canvas.y) > 0.6)
    canvas.tint(buttons, 1.5 * some(0.4) + between(0, 0.5))
    canvas.dye(hoops=0.1, stripes=0.25, speckled=0.1)


Garment: TypeAlias = Callable[[Canvas], None]


def draw(garment: Garment, count: int, *, rng: np.random.Generator) -> Bytes:
    """Draw `count` garments of one kind: uint8, (count, 28, 28).

    Parameters
    ----------
    garment : callable
        Draws one garment on each sheet of a canvas, as `t_shirt` does.
    count : int
        How many.
    rng : numpy.random.Generator
        Draws whatever differs between them.

    Raises
    ------
    TypeError, ValueError
        If `garment` can't be called, such as the number of a class,
        `count` is not a positive integer, or `rng` not a Generator.

    Notes
    -----
    Chapter *Drawing garments*.

    Examples
    --------
    >>> images = draw(GARMENTS[1], 3, rng=np.random.default_rng(0))
    >>> images.shape, images.dtype
    ((3, 28, 28), dtype('uint8'))
    """
    if not callable(garment):
        raise TypeError(f"draw wants garment as a function, got {garment!r}")
    check_generator("draw", rng)
    images = np.empty((check_size("draw", "count", count), 28, 28), np.uint8)
    for batch in np.split(images, range(128, count, 128)):  # as fits a cache
        canvas = Canvas(len(batch), rng)
        garment(canvas)
        z = rng.standard_normal(batch.shape, np.float32)
        batch[...] = np.clip(canvas.ink * (255 + 8 * z) + z - 1, 0, 255)
    return images
