"""A map of the book: which chapter needs which, in one drawing.

``book-map`` writes the chapters below one another, in reading order, and
draws an arc from each to those that it needs: on the left within a part, on
the right to an earlier part. Where there is no room for a drawing, and on
paper, the same stands in a list. ``reading-path`` names some chapters, and
the time that they take together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from typing import Any, ClassVar

from chapters import (
    Book,
    Chapter,
    book_of,
    closure,
    duration,
    find,
    link,
    note_sources,
)
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# All lengths are in the drawing's own unit, about a pixel.
WIDTH, LEFT, RIGHT = 690, 100, 540
ROW, HEADING, GAP = 25, 40, 14
DESCRIPTION = (
    "The chapters in reading order, part by part. An arc leads from a chapter "
    "to each earlier one that it needs."
)


def parts(book: Book) -> Iterator[tuple[str, list[Chapter]]]:
    """Yield the caption and the chapters of every part."""
    for caption, chapters in groupby(book.values(), lambda c: c.part):
        yield caption, list(chapters)


def needs_in_words(chapter: Chapter, book: Book) -> str:
    """Return what a link of the drawing says of its chapter."""
    needs = "; ".join(book[page].title for page in chapter.needs)
    words = f"{chapter.title}, {duration(chapter.reading)}"
    return f"{words} \N{MIDDLE DOT} needs: {needs}" if needs else words


def total(chapters: Iterable[Chapter]) -> str:
    """Return the time that some chapters take together, in words."""
    return duration(sum(chapter.reading for chapter in chapters))


def arc(start: float, end: float, tall: float, within: bool, kind: str) -> str:
    """Return an arc between two heights, and a ring around its far end."""
    x, sweep = (LEFT, 0) if within else (RIGHT, 1)
    high = abs(end - start) / 2
    # A longer arc lies around a shorter one, and the longest just fits.
    wide = (WIDTH - RIGHT - 10) * (2 * high / tall) ** 0.5
    if within:
        wide = min(wide, LEFT - 10)
    top, bottom = sorted((start, end))
    return (
        f'<path class="{kind}" d="M{x} {top}'
        f'A{wide:.1f} {high:.1f} 0 0 {sweep} {x} {bottom}"/>'
        f'<circle class="{kind}" cx="{x}" cy="{end}" r="8"/>'
    )


def headline(y: float, caption: str, time: str) -> str:
    """Return the caption of a part, and behind it the time of the part."""
    return (
        f'<text class="part" x="{LEFT + 14}" y="{y + 4.5}">{escape(caption)}'
        f'<tspan class="time" dx="10">{time}</tspan></text>'
    )


def station(chapter: Chapter, y: float, uri: str, book: Book) -> str:
    """Return a chapter's dots and row, all of which are one link."""
    radius = 1.5 + 0.6 * (chapter.reading / 60) ** 0.5
    return (
        f'<a href="{escape(uri)}">'
        f"<title>{escape(needs_in_words(chapter, book))}</title>"
        f'<rect x="{LEFT}" y="{y - ROW / 2}" width="{RIGHT - LEFT}" '
        f'height="{ROW}" rx="4"/>'
        f'<circle cx="{LEFT}" cy="{y}" r="{radius:.1f}"/>'
        f'<circle cx="{RIGHT}" cy="{y}" r="2"/>'
        f'<text class="name" x="{LEFT + 14}" y="{y + 4.5}">'
        f"{escape(chapter.title)}</text>"
        f'<text class="time" x="{RIGHT - 14}" y="{y + 4.5}">'
        f"{duration(chapter.reading)}</text></a>"
    )


def drawing(book: Book, uris: dict[str, str]) -> str:
    """Return the map as an SVG element."""
    heights: dict[str, float] = {}
    bands, stations, tall = "", "", 0.0
    for caption, chapters in parts(book):
        size = HEADING + ROW * len(chapters) + 8
        bands += f'<rect y="{tall}" width="{WIDTH}" height="{size}" rx="6"/>'
        bands += headline(tall + 21, caption, total(chapters))
        for k, chapter in enumerate(chapters):
            heights[chapter.page] = tall + HEADING + ROW * (k + 0.5)
        tall += size + GAP
    for page, chapter in book.items():
        arcs = ""
        for other in book.values():
            ends = heights[page], heights[other.page], tall
            within = other.part == chapter.part
            if other.page in chapter.needs:
                arcs += arc(*ends, within, "needed")
            if page in other.needs:
                arcs += arc(*ends, within, "needing")
        stop = station(chapter, heights[page], uris[page], book)
        stations += f'<g class="chapter">{arcs}{stop}</g>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {tall - GAP}" role="group" '
        'aria-labelledby="book-map-title" aria-describedby="book-map-text">'
        '<title id="book-map-title">The map of the book</title>'
        f'<desc id="book-map-text">{DESCRIPTION}</desc>'
        f'<g class="bands">{bands}</g>{stations}</svg>'
    )


def listing(book: Book, page: str) -> nodes.bullet_list:
    """Return the map as a list of parts, each with a list of chapters."""
    found = nodes.bullet_list()
    for caption, chapters in parts(book):
        inner = nodes.bullet_list()
        for chapter in chapters:
            words = nodes.paragraph()
            words += link(chapter.page, page)
            words += nodes.Text(f", {duration(chapter.reading)}")
            for k, need in enumerate(chapter.needs):
                words += nodes.Text("; " if k else " \N{MIDDLE DOT} needs: ")
                words += link(need, page)
            inner += nodes.list_item("", words)
        heading = nodes.strong(text=f"{caption}, {total(chapters)}")
        found += nodes.list_item("", nodes.paragraph("", "", heading), inner)
    return found


class BookMap(SphinxDirective):
    """The map, drawn and as a list; the style sheet shows one of them."""

    def run(self) -> list[nodes.Node]:
        """Return the drawing, for browsers, and the list."""
        note_sources(self.env)
        book, page = book_of(self.env), self.env.docname
        found = nodes.container(classes=["book-map"])
        builder = self.env.app.builder
        if builder.format == "html":
            uris = {to: builder.get_relative_uri(page, to) for to in book}
            found += nodes.raw("", drawing(book, uris), format="html")
        found += nodes.container(
            "", listing(book, page), classes=["book-map-list"]
        )
        return [found]


class ReadingPath(SphinxDirective):
    """The named chapters, or all that a chapter rests on, in order."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"with-needs": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Return one paragraph of links, with the time they take."""
        note_sources(self.env)
        book = book_of(self.env)
        chosen = set()
        for name in self.arguments[0].split():
            found = {chapter.page for chapter in find(book, name)}
            if not found:
                raise self.error(f"There is no chapter {name}.")
            chosen |= found
        if "with-needs" in self.options:
            needs = {page: chapter.needs for page, chapter in book.items()}
            chosen |= {far for near in chosen for far in closure(needs, near)}
        path = nodes.paragraph(classes=["reading-path"])
        chapters = [book[page] for page in book if page in chosen]
        for k, chapter in enumerate(chapters):
            path += nodes.Text(" \N{RIGHTWARDS ARROW} " if k else "")
            path += link(chapter.page, self.env.docname)
        path += nodes.Text(f" \N{MIDDLE DOT} {total(chapters)}")
        return [path]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.setup_extension("chapters")
    app.add_directive("book-map", BookMap)
    app.add_directive("reading-path", ReadingPath)
    return {"version": "1", "parallel_read_safe": True}
