"""The line below a chapter's title, and the map that is drawn of them all."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import chapters
import pytest
import yaml
from chapters import PACKAGE, Book, Chapter, closure, duration, find, read_book
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

pytestmark = [
    # An extension looks at every object that lives, PyTorch's old ones too.
    pytest.mark.filterwarnings("ignore:.*reduce_op:FutureWarning"),
    # Sphinx forks where it reads in parallel; from 3.12 on Python warns.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

ROOT = Path(__file__).parents[2]
EXT = str(ROOT / "book" / "_ext")
SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture(scope="module")
def book() -> Book:
    """Read the sources of this book."""
    return read_book(ROOT)


def graph(book: Book) -> dict[str, tuple[str, ...]]:
    return {page: chapter.needs for page, chapter in book.items()}


def test_every_page_of_a_numbered_part_is_a_chapter(book):
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    numbered = [p for p in toc["parts"] if p.get("numbered", True)]
    pages = re.findall(r"'file': '([^']+)'", repr(numbered))
    assert list(book) == pages
    assert len(pages) >= 40


def test_a_chapter_needs_earlier_ones_only(book):
    place = {page: k for k, page in enumerate(book)}
    arcs = [(page, near) for page, c in book.items() for near in c.needs]
    assert all(place[near] < place[page] for page, near in arcs)
    assert len(arcs) == len(set(arcs)) >= len(book)


def test_needs_are_few_and_lead_to_all_that_a_chapter_rests_on(book):
    needs = graph(book)
    for page, chapter in book.items():
        assert len(chapter.needs) <= chapters.MOST_NEEDS
        assert set(chapter.needs) <= set(chapter.rests)
        assert set(chapter.rests) <= closure(needs, page)
        for near in chapter.needs:
            others = set(chapter.needs) - {near}
            assert not any(near in closure(needs, other) for other in others)


def test_few_chapters_stand_on_nothing(book):
    roots = [chapter.label for chapter in book.values() if not chapter.needs]
    assert "ch-layer" in roots
    assert len(roots) <= 4


def test_what_every_reader_of_the_book_knows(book):
    (backward,) = find(book, "ch-convolution-backward")
    (forward,) = find(book, "ch-convolution-forward")
    (dense,) = find(book, "ch-dense")
    (layer,) = find(book, "ch-layer")
    assert forward.page in backward.needs
    assert forward.modules == backward.modules
    assert layer.page in dense.rests
    assert dense.page in closure(graph(book), backward.page)


def test_a_name_that_two_modules_define_is_the_one_handed_out(book):
    (ten,) = find(book, "ch-ten_classes")  # its `train` is not the workbook's
    (runs,) = find(book, "ch-runs")
    assert runs.page in ten.rests


def test_files_exist_and_are_many(book):
    modules = Counter(m for c in book.values() for m in c.modules)
    tests = {test for c in book.values() for test in c.tests}
    assert all((ROOT / PACKAGE / module).is_file() for module in modules)
    assert all((ROOT / test).is_file() for test in tests)
    assert len(modules) >= 35
    assert len(tests) >= 35


def test_the_first_part_takes_a_student_about_ten_hours(book):
    first = find(book, "part-1")
    assert len(first) >= 15
    assert 8 < sum(chapter.reading for chapter in first) / 3600 < 12
    assert all(chapter.reading > 5 * 60 for chapter in book.values())
    assert sum(chapter.solving > 0 for chapter in book.values()) >= 40


def test_an_exercise_says_its_kind_and_its_time():
    kinds = r"(hand|thought|code)( and (hand|thought|code))?"
    titles = [
        title
        for page in (ROOT / "book").rglob("*.md")
        for title in re.findall(
            r"^[`:]{3,}\{exercise-start\}(.*)$", page.read_text(), re.MULTILINE
        )
    ]
    assert len(titles) >= 170
    assert all(re.search(rf" · {kinds}, \d+ min$", t) for t in titles)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("ten words that a reader reads in three seconds each", 3),
        ("$x$ and $y$", 0.3 + 2 * chapters.FORMULA),
        ("$$\nx = y\n$$", chapters.EQUATION),
        ("```{math}\n:label: a\nx = y\n```", chapters.EQUATION),
        ("\\begin{align}\nx\n\\end{align}", chapters.EQUATION),
        (
            "```{code-cell} python\n\nx = 1\n\ny = 2\n```",
            2 * chapters.CODE_LINE,
        ),
        ("```{code-cell} python\n:tags: [hide-input]\nx = 1\n```", 0),
        ("```{code-cell} python\n---\ntags: [remove-cell]\n---\nx\n```", 0),
        (
            "```{code-cell} python\n---\nmystnb:\n  figure:\n    name: a\n"
            "tags: [hide-input]\n---\nx = 1\n```",
            chapters.FIGURE,
        ),
        ("```{index} one, two\n```", 0),
        ("```{note}\none two\n```", 2 * chapters.WORD),
        (
            "```{literalinclude} /a.py\n:pyobject: f\n```",
            2 * chapters.CODE_LINE,
        ),
        ("```{literalinclude} /missing.py\n:pyobject: f\n```", 0),
    ],
)
def test_what_takes_time(tmp_path, text, time):
    (tmp_path / "a.py").write_text("x = 1\n\n\ndef f():\n    return x\n")
    assert chapters.seconds(text, tmp_path) == pytest.approx(time)


def test_exercises_are_counted_apart(tmp_path):
    text = (
        "one two\n\n```{exercise-start} Three · hand, 5 min\n:label: x\n```\n"
        "four five\n```{exercise-end}\n```\n\n```{solution-start} x\n```\n"
        "six, 7 min\n```{solution-end}\n```\n\n"
        ":::{exercise-start} Eight · code, 10 min\n:::\n"
        ":::{exercise-end}\n:::\n"
    )
    reading, solving = chapters.reading_and_solving(text, tmp_path)
    assert reading == pytest.approx(2 * chapters.WORD)
    assert solving == 15 * 60


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (1, "1 min"),
        (430, "7 min"),
        (2200, "35 min"),
        (3590, "1 h"),
        (6000, "1 h 40 min"),
        (17500, "4 h 50 min"),
        (40000, "11 h"),
    ],
)
def test_a_time_is_no_more_exact_than_an_estimate(time, words):
    assert duration(time).replace(SPACE, " ") == words


FILES = {
    "_toc.yml": """\
        format: jb-book
        root: book/preface
        parts:
          - caption: Before
            numbered: false
            chapters: [{file: book/map}]
          - caption: "Part I: Layers"
            chapters:
              - file: book/layer
              - file: book/layers/dense
              - file: book/layers/sum
                sections: [{file: book/layers/sum-twice}]
          - caption: "Part II: <More>"
            chapters: [{file: book/losses/square}, {file: book/end}]
        """,
    "scratchcnn/layer.py": "class Layer:\n    size = 1\n",
    "scratchcnn/layers/dense.py": """\
        from scratchcnn.layer import Layer


        class Dense(Layer):
            size = 2
        """,
    "scratchcnn/layers/sum.py": "def total(x):\n    return x\n",
    "scratchcnn/losses/loss.py": "class Loss:\n    size = 3\n",
    "scratchcnn/losses/square.py": """\
        from scratchcnn import layers


        def square(x):
            return layers.total(x)
        """,
    "tests/layers/test_dense.py": "",
    "book/preface.md": """\
        (ch-preface)=
        # Preface
        All of it takes {reading-time}`book`,
        the end {reading-time}`ch-end`.
        """,
    "book/map.md": """\
        # Map

        ```{book-map}
        ```

        ```{reading-path} ch-layer ch-end
        ```

        ```{reading-path} ch-twice
        :with-needs:
        ```
        """,
    "book/layer.md": """\
        (ch-layer)=
        # A layer
        See {ref}`ch-end` and {ref}`again <ch-end>`.

        ```{literalinclude} /scratchcnn/layer.py
        ```
        """,
    "book/layers/dense.md": """\
        (ch-dense)=
        # Dense, *and* more
        ```{math}
        :label: dense-forward
        y = x
        ```

        ```{literalinclude} /scratchcnn/layers/dense.py
        :pyobject: Dense
        ```
        """,
    "book/layers/sum.md": """\
        (ch-sum)=
        # Sum
        Once {ref}`ch-dense`.

        ```{literalinclude} /scratchcnn/layers/sum.py
        ```
        """,
    "book/layers/sum-twice.md": """\
        (ch-twice)=
        # Sum, twice
        As {eq}`dense-forward` says.
        """,
    "book/losses/square.md": """\
        ---
        prints: [losses/loss]
        ---
        (ch-square)=
        # Square
        ```{literalinclude} /scratchcnn/losses/square.py
        ```

        ```{literalinclude} /scratchcnn/losses/loss.py
        ```
        """,
    "book/end.md": """\
        (ch-end)=
        # The end
        Twice {ref}`ch-dense` and {ref}`ch-dense`, {ref}`ch-square` once.
        """,
}


def plant(root: Path) -> Path:
    """Write a small book and its package."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(re.sub(r"^ {8}", "", text, flags=re.M))
    return root


def by_label(root: Path) -> dict[str, Chapter]:
    return {chapter.label: chapter for chapter in read_book(root).values()}


def test_what_a_chapter_rests_on(tmp_path):
    found = by_label(plant(tmp_path))
    needs = {
        label: [Path(page).name for page in chapter.needs]
        for label, chapter in found.items()
    }
    assert needs == {
        "ch-layer": [],  # what comes later is no need
        "ch-dense": ["layer"],  # by an import of the module
        "ch-sum": [],  # named once, that is in passing
        "ch-twice": ["dense", "sum"],  # by an equation, and as its sequel
        "ch-square": ["sum"],  # by an import through a package
        "ch-end": ["dense"],  # named twice
    }


def test_a_cell_that_imports_rests_on_a_chapter(tmp_path):
    page = plant(tmp_path) / "book/end.md"
    cell = "```{code-cell} python\nfrom scratchcnn import Loss\n%time 1\n```\n"
    page.write_text(page.read_text() + cell)
    assert "book/losses/square" in by_label(tmp_path)["ch-end"].needs


def test_an_exercise_is_nothing_to_rest_on(tmp_path):
    page = plant(tmp_path) / "book/end.md"
    exercise = (
        "```{exercise-start}\n```\n{ref}`ch-square`\n```{exercise-end}\n```\n"
    )
    page.write_text(page.read_text() + exercise)
    assert by_label(tmp_path)["ch-end"].needs == ("book/layers/dense",)


def test_only_a_page_that_prints_a_module_shows_it(tmp_path):
    found = by_label(plant(tmp_path))
    assert found["ch-dense"].modules == ("layers/dense.py",)
    assert found["ch-dense"].tests == ("tests/layers/test_dense.py",)
    assert found["ch-square"].modules == ("losses/square.py", "losses/loss.py")
    assert found["ch-sum"].tests == ()
    assert found["ch-twice"].modules == ()


def test_a_page_without_a_label_is_named(tmp_path):
    (plant(tmp_path) / "book/end.md").write_text("# The end\n")
    with pytest.raises(ValueError, match="book/end has no title or no label"):
        read_book(tmp_path)


def test_the_order_of_a_set_does_not_matter(tmp_path):
    code = "import chapters, pathlib, sys; " + (
        "print(chapters.read_book(pathlib.Path(sys.argv[1])))"
    )
    books = [
        subprocess.run(
            [sys.executable, "-c", code, plant(tmp_path)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": EXT},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert books[0] == books[1]
    assert books[0].count(b"Chapter(") == 6


def build(root: Path) -> tuple[str, set[str]]:
    """Build in two processes; return the warnings and the pages read."""
    warnings, read = io.StringIO(), set()
    with docutils_namespace():
        app = Sphinx(
            srcdir=root,
            confdir=None,
            outdir=root / "_build" / "html",
            doctreedir=root / "_build" / "trees",
            buildername="html",
            confoverrides={
                "extensions": [
                    "sphinx_external_toc",
                    "myst_parser",
                    "listings",
                    "book_map",
                ],
                "myst_enable_extensions": ["dollarmath"],
                "exclude_patterns": ["_build"],
            },
            status=None,
            warning=warnings,
            parallel=2,
        )
        for extension in app.extensions.values():
            extension.parallel_read_safe = True  # the toc's do not say so
        app.connect("env-before-read-docs", lambda *a: read.update(a[-1]))
        app.build()
    return re.sub(r"\x1b\[[\d;]*m", "", warnings.getvalue()), read


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    root = plant(tmp_path_factory.mktemp("book"))
    warnings, read = build(root)
    assert warnings == ""
    assert len(read) == 8
    return root / "_build" / "html"


def test_the_line_stands_below_the_title(built):
    html = (built / "book/layers/sum-twice.html").read_text()
    line = re.search(r'</h1>\s*<p class="chapter-line">(.*?)</p>', html, re.S)
    words = re.sub(r"<[^>]+>", "", line[1]).replace(SPACE, " ")
    assert words == "1 min · needs: Dense, and more; Sum"
    assert 'href="dense.html"' in line[1]
    assert 'href="sum.html"' in line[1]
    html = (built / "book/layers/dense.html").read_text()
    line = re.search(r'<p class="chapter-line">(.*?)</p>', html, re.S)
    words = re.sub(r"<[^>]+>", "", line[1]).replace(SPACE, " ")
    assert words == (
        "1 min · needs: A layer · module layers/dense.py "
        "· tests tests/layers/test_dense.py"
    )
    assert 'href="../../_modules/scratchcnn/layers/dense.html"' in line[1]


def test_only_chapters_have_a_line(built):
    pages = sorted((built / "book").rglob("*.html"))
    lines = {p.stem for p in pages if "chapter-line" in p.read_text()}
    assert len(pages) == 8
    assert {page.stem for page in pages} - lines == {"preface", "map"}


def test_times_are_added_up(built):
    html = (built / "book/preface.html").read_text().replace(SPACE, " ")
    total = sum(c.reading for c in read_book(built.parents[1]).values())
    assert f"All of it takes {duration(total)}".replace(SPACE, " ") in html


def test_the_map_is_a_drawing_and_a_list(built):
    html = (built / "book/map.html").read_text()
    svg = ElementTree.fromstring(re.search("<svg.*?</svg>", html, re.S)[0])
    links = [a.get("href") for a in svg.iter("a")]
    assert len(links) == 6
    names = [t.text for t in svg.iter("text") if t.get("class") == "name"]
    assert names[1] == "Dense, and more"
    assert all((built / "book" / link).is_file() for link in links)
    ids = svg.get("aria-labelledby"), svg.get("aria-describedby")
    named = {e.get("id"): e.text for e in svg.iter() if e.get("id")}
    assert all(named[name] for name in ids)
    kinds = Counter(path.get("class") for path in svg.iter("path"))
    assert kinds == {"needed": 5, "needing": 5}
    listed = html.partition('class="book-map-list')[2].partition("</div>")[0]
    assert listed.count("<li>") == 2 + 6
    assert re.findall('href="([^"]+)"><span class="doc">', listed)
    assert "Part II: &lt;More&gt;" in listed


def test_a_path_names_its_chapters_in_order(built):
    html = (built / "book/map.html").read_text()
    first, second = re.findall(
        r'<p class="reading-path">(.*?)</p>', html, re.S
    )
    assert re.findall('href="([^"]+)"', first) == ["layer.html", "end.html"]
    names = [Path(x).stem for x in re.findall('href="([^"]+)"', second)]
    assert names == ["layer", "dense", "sum", "sum-twice"]


def test_what_rests_on_a_change_is_read_again(tmp_path):
    build(plant(tmp_path))
    assert build(tmp_path) == ("", set())
    page = tmp_path / "book/end.md"
    page.write_text(page.read_text().replace("{ref}`ch-dense`,", "Dense,"))
    assert build(tmp_path) == ("", {"book/end", "book/map", "book/preface"})
    module = tmp_path / "scratchcnn/layers/sum.py"
    module.write_text("from scratchcnn.layer import Layer\n\ntotal = Layer\n")
    warnings, read = build(tmp_path)
    assert (warnings, "book/layers/sum" in read) == ("", True)
    html = (tmp_path / "_build/html/book/layers/sum.html").read_text()
    assert "needs: " in html


def test_an_unknown_chapter_is_reported(tmp_path):
    page = plant(tmp_path) / "book/preface.md"
    page.write_text("# Preface\n{reading-time}`part-9`\n")
    other = tmp_path / "book/map.md"
    other.write_text("# Map\n```{reading-path} ch-none\n```\n")
    warnings, _ = build(tmp_path)
    assert "preface.md:2: WARNING: no chapter 'part-9'" in warnings
    assert "There is no chapter ch-none." in warnings
