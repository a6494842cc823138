"""What else hangs and stands in a wardrobe: `GARMENTS`, all ten classes."""

from __future__ import annotations

import numpy as np

from scratchcnn.data.drawn.garments import (
    Canvas,
    Garment,
    Size,
    shirt,
    t_shirt,
    top,
    trousers,
)


def pullover(canvas: Canvas) -> None:
    """Draw a top with long sleeves and a ribbed hem; some are cardigans."""
    between, some, bar = canvas.between, canvas.some, canvas.bar
    top(canvas, between(15, 23), between(1.15, 1.45))
    canvas.tint(bar((0, 0), (0, 2.5), 9, 9), between(0.7, 1.2))
    rib = bar((0, between(23, 25)), (0, 29), 17, 17)
    canvas.tint(rib, between(0.75, 1.05))
    front = some(0.2) * bar((0, between(3, 8)), (0, 28), 1.3, 1.3)
    canvas.tint(front, between(0.5, 1.2))
    size = between(4, 9)
    square = bar((0, 9), (0, 9 + size), size, size)
    blots = some(0.25) * square * canvas.speckles()
    canvas.tint(blots, 1.5 * some(0.5) + between(0.1, 0.5))
    canvas.dye(hoops=0.25, stripes=0.05, speckled=0.15)


def coat(canvas: Canvas) -> None:
    """Draw a top with long sleeves, often with lapels, pockets, buttons."""
    between, some, bar = canvas.between, canvas.some, canvas.bar
    top(canvas, between(16, 24), between(1.2, 1.5))
    skirt = some(0.5) * bar((0, 14), (0, 28.5), between(12, 15), 17)
    canvas.sew(skirt)
    canvas.tint(bar((4.5, 0), (0.6, between(4, 12)), 2, 2), between(0.5, 1.3))
    front = bar((0, between(1, 4)), (0, 29), 1.3, 1.3)
    canvas.tint(front, between(0.3, 1.1))
    buttons = some(0.3) * front * (np.cos(between(1.2, 2) * canvas.y) > 0.6)
    canvas.tint(buttons, 1.5 * some(0.4) + between(0, 0.5))
    pocket = bar((3.5, between(16, 20)), (6, between(17, 21)), 1.2, 1.2)
    canvas.tint(some(0.5) * pocket, between(0.5, 1.1))
    belt = bar((0, 14.5), (0, 16.5), 17, 17)
    canvas.tint(some(0.2) * belt, between(0.6, 1.2))
    canvas.dye(hoops=0.12, stripes=0.06, speckled=0.12)


def dress(canvas: Canvas) -> None:
    """Draw straps or sleeves, a bodice, and a skirt, wide or narrow."""
    between, some, bar = canvas.between, canvas.some, canvas.bar
    waist, narrow, bust = between(9, 14), between(6, 10), between(8, 11)
    long, sleeved, hem = between(3, 17), some(0.45), between(8, 17)
    hand = 3.5 + long * 0.25, 2.5 + long
    canvas.sew(sleeved * bar((3.5, 1), hand, 4, between(2.5, 4)))
    canvas.tint(bar((0, 2), (0, 28), bust + 2, hem + 2), between(0.6, 1))
    canvas.sew((1 - sleeved) * bar((2.8, 0), (2.8, 6), 1.6, 1.6))
    canvas.sew(sleeved * bar((0, 0), (0, 5), 7, bust))
    canvas.sew(bar((0, 3.5), (0, waist), bust, narrow))
    canvas.sew(bar((0, waist - 0.9), (0, between(25, 29)), narrow, hem))
    neck = bar((0, -1), (0, between(1, 4)), between(3, 6), between(1, 3))
    canvas.tint(neck, some(0.6) * between(0, 0.6))
    canvas.tint(bar((0, waist - 1), (0, waist + 1), 16, 16), between(0.6, 1.2))
    canvas.dye(hoops=0.15, stripes=0.15, speckled=0.2)


def bag(canvas: Canvas) -> None:
    """Draw a handle, a body, mostly with a flap or a pocket."""
    between, some, bar = canvas.between, canvas.some, canvas.bar
    tall = between(0, 1)
    rim, floor = between(6, 12) - 4 * tall, between(21, 24) + 4 * tall
    upper, lower = between(16, 27), between(18, 28)
    grip, high = between(2.5, 8), rim - between(1, 8)
    thick = between(1, 2.2)
    canvas.sew(bar((0, high), (grip, high), thick, thick))
    canvas.sew(
        bar((grip, high), (grip + between(0, 2), rim + 1), thick, thick)
    )
    canvas.sew(bar((0, rim), (0, floor), upper, lower))
    edge = rim + (floor - rim) * between(0.15, 0.6)
    canvas.tint(bar((0, rim), (0, edge), 29, 29), between(0.7, 1.2))
    canvas.tint(bar((0, edge), (0, edge + 1.3), 29, 29), between(0.5, 1.1))
    pocket = bar((0, edge + 2), (0, floor - 2), upper / 2, upper / 2)
    canvas.tint(some(0.4) * pocket, between(0.6, 1.2))
    canvas.dye(hoops=0.06, stripes=0.12, speckled=0.25)


def shoe(canvas: Canvas, ground: Size, instep: Size, ankle: Size) -> None:
    """Draw, toe to the left, a foot's cloth up to `instep` and `ankle`.

    The three are heights: y of the ground, of the highest place over the
    middle of the foot, and of the opening above the heel.
    """
    between, bar = canvas.between, canvas.bar
    canvas.x = canvas.across
    tip, cap, arch = between(1.5, 3), between(3, 5.5), ground - instep
    canvas.sew(bar((-14, ground - tip / 2), (-9, ground - cap / 2), tip, cap))
    canvas.sew(
        bar((-9.9, ground - cap / 2), (2, ground - arch / 2), cap, arch)
    )
    canvas.sew(bar((1, ground - arch / 2), (7, ground - arch / 2), arch, arch))
    canvas.sew(bar((8.5, ankle), (8.5, ground), between(9, 11), 11.5))


def sneaker(canvas: Canvas) -> None:
    """Draw a low shoe with a flat sole, laces, and stripes at its side."""
    between, some, bar = canvas.between, canvas.some, canvas.bar
    ground, instep = between(19, 22.5), between(6.5, 9.5)
    instep, high = ground - instep, some(0.25) * between(2, 7)
    ankle = instep - between(-0.5, 1.5) - high
    shoe(canvas, ground, instep, ankle)
    sole = bar((-14, ground), (14, ground), between(2.2, 3.5), 3.5)
    canvas.tint(bar((3, ankle - 1), (11, ankle), 1, between(1, 4)), 0)
    lace = bar((-5, ground - 6), (2, instep), 2, 2.5)
    canvas.tint(lace, between(0.5, 1.2))
    for x in 0, 3:
        stripe = bar((x, ground - 1), (x + between(-4, 3), instep), 1.3, 1.3)
        canvas.tint(some(0.5) * stripe, between(0.3, 1.6))
    canvas.dye(hoops=0.03, stripes=0.05, speckled=0.25)
    canvas.tint(sole, 0)
    canvas.ink += sole * between(0.1, 0.95)


def ankle_boot(canvas: Canvas) -> None:
    """Draw a shoe with a shaft, and with a heel, flat or high."""
    between, some, bar = canvas.between, canvas.some, canvas.bar
    heel = between(0, 2) + some(0.35) * between(1, 6)
    ground = between(21, 25) - 0.7 * heel
    instep = ground - between(7, 11)
    ankle = instep - between(1, 8) + some(0.25) * 3
    shoe(canvas, ground, instep, ankle)
    canvas.tint(bar((3, instep), (14, instep), 1, 1), between(0.6, 1.2))
    canvas.tint(bar((7, ankle), (7, ground - 3), 2.5, 2), between(0.6, 1.2))
    canvas.dye(hoops=0.02, stripes=0.02, speckled=0.15)
    sole = bar((-14, ground), (12, ground), between(1, 2.5), 2)
    block = bar((10, ground), (10.5, ground + heel), 7, between(2, 7))
    for piece in sole, block:
        canvas.sew(piece * between(0.5, 1))


def sandal(canvas: Canvas) -> None:
    """Draw a sole on a heel, or none, and the straps that hold it."""
    between, some, bar = canvas.between, canvas.some, canvas.bar
    canvas.x = canvas.across
    heel = some(0.5) * between(2, 11)
    ground = between(18, 21) + 0.4 * heel
    back = ground - heel
    wedge = some(0.4)
    canvas.sew(bar((-14, ground), (-3, ground), 2, 2))
    canvas.sew(bar((-4, ground), (12, back), 2, between(2, 3)))
    canvas.sew(bar((10.5, back), (11, ground), between(2, 5), between(1, 5)))
    canvas.sew(wedge * bar((0, ground), (12.5, back + heel / 2), 1, heel))
    for x in -9, -4, 1:
        end = x + between(0, 7), back - between(3, 9)
        start = x + between(-3, 1), ground - heel * (x + 9) / 20
        width = between(0.8, 2.6)
        canvas.sew(some(0.7) * bar(start, end, width, width))
    ankle, width = back - between(4, 9), between(1, 2.4)
    canvas.sew(some(0.8) * bar((3, ankle), (12, ankle + 1), width, width))
    canvas.sew(some(0.8) * bar((11.5, ankle), (11.5, back), width, 2))
    canvas.sew(some(0.2) * bar((-13, ground - 1), (6, back - 3), 3, 8))
    canvas.dye(hoops=0.02, stripes=0.03, speckled=0.2)


GARMENTS: dict[int, Garment] = {
    0: t_shirt,
    1: trousers,
    6: shirt,
    2: pullover,
    3: dress,
    4: coat,
    5: sandal,
    7: sneaker,
    8: bag,
    9: ankle_boot,
}
