"""The workbook's chapters: all that the doctor can judge, in order."""

from pathlib import Path

import pytest
import yaml

from scratchcnn.doctor import KINDS
from scratchcnn.workbook.chapters import CHAPTERS, chapter_of, close_to

ROOT = Path(__file__).parents[2]


def test_everything_that_the_doctor_knows_is_to_be_written_once():
    kinds = [kind for one in CHAPTERS.values() for kind in one.kinds]
    assert sorted(kinds) == sorted(KINDS)


def test_each_kind_is_in_the_module_of_its_chapter():
    for name, chapter in CHAPTERS.items():
        assert chapter.module.endswith(f"/{name}")
        assert {KINDS[k].module for k in chapter.kinds} == {chapter.module}
        assert chapter.question.endswith("?")
        assert chapter.pages()


def test_the_order_is_that_of_the_book():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    parts = {
        chapter["file"].removeprefix("book/"): part["caption"]
        for part in toc["parts"]
        for chapter in part["chapters"]
    }
    order = [page.partition("-")[0] for page in parts]
    places = [order.index(one.module) for one in CHAPTERS.values()]
    assert places == sorted(places)
    for one in CHAPTERS.values():
        page = next(p for p in parts if p.partition("-")[0] == one.module)
        assert parts[page].startswith(one.part + ":")


@pytest.mark.parametrize(
    "name", ["convolution", "Conv2D", "Convolution, backward"]
)
def test_a_file_is_asked_for_by_what_is_in_it_or_by_its_page(name):
    assert chapter_of(name) == "convolution"


def test_what_is_nearly_a_name_is_suggested():
    assert close_to("conv")[:1] == ["conv2d"]
    assert close_to("MSE") == ["meansquarederror"]
    assert close_to("nothing of the kind") == close_to("") == []
    with pytest.raises(ValueError, match=r"conv; did you mean conv2d"):
        chapter_of("conv")
    with pytest.raises(ValueError, match="no chapter nothing; there are"):
        chapter_of("nothing")
