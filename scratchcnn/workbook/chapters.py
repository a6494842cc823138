"""What there is to write: `CHAPTERS`."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

from scratchcnn.doctor.kinds import KINDS


class Chapter(NamedTuple):
    """One file of the workbook.

    Attributes
    ----------
    part : str
        Of the book.
    module : str
        The module of the package that the file is made from.
    kinds : list of str
        What is to be written, by the doctor's names.
    question : str
        What the chapter answers, in one line.
    """

    part: str
    module: str
    kinds: list[str]
    question: str

    def names(self) -> list[str]:
        """Return the names of the classes and functions to be written."""
        return [KINDS[kind].name for kind in self.kinds]

    def pages(self) -> str:
        """Return the titles of the pages to read."""
        titles = [page for kind in self.kinds for page in KINDS[kind].pages]
        return "; ".join(dict.fromkeys(titles))


CHAPTERS = {
    "dense": Chapter(
        "Part I",
        "layers/dense",
        ["dense"],
        "Every output looks at every input: with which weight?",
    ),
    "relu": Chapter(
        "Part I",
        "layers/relu",
        ["relu"],
        "Keep what is positive: and what comes back?",
    ),
    "mean_squared_error": Chapter(
        "Part I",
        "losses/mean_squared_error",
        ["meansquarederror"],
        "How wrong is the network, in one number?",
    ),
    "convolution": Chapter(
        "Part I",
        "layers/convolution",
        ["conv2d"],
        "Slide a kernel over an image: which outputs did a pixel touch?",
    ),
    "reshape": Chapter(
        "Part I",
        "layers/reshape",
        ["reshape", "flatten"],
        "The same numbers in another form: in which order?",
    ),
    "network": Chapter(
        "Part I",
        "layers/network",
        ["network"],
        "One layer after the other: and on the way back?",
    ),
    "initialization": Chapter(
        "Part I",
        "layers/initialization",
        ["he_normal"],
        "How large should the first weights be?",
    ),
    "gradient_descent": Chapter(
        "Part I",
        "training/gradient_descent",
        ["gradient_step", "gradient_descent"],
        "What does one step of learning consist of?",
    ),
    "pooling": Chapter(
        "Part II",
        "layers/pooling",
        ["maxpool2d", "avgpool2d"],
        "A window becomes one number: who gets its gradient?",
    ),
    "optimizers": Chapter(
        "Part II",
        "training/optimizers",
        ["sgd", "adam"],
        "What is to be done with a gradient?",
    ),
    "logits": Chapter(
        "Part II",
        "layers/logits",
        ["sigmoid", "log_sum_exp", "softmax"],
        "How do numbers of any size become probabilities?",
    ),
    "cross_entropy": Chapter(
        "Part II",
        "losses/cross_entropy",
        ["binarycrossentropy", "softmaxcrossentropy"],
        "How surprised are we?",
    ),
    "batch_normalization": Chapter(
        "Part II",
        "layers/batch_normalization",
        ["batchnorm2d"],
        "Mean 0 and variance 1: in how many ways does a pixel act?",
    ),
    "dropout": Chapter(
        "Part II",
        "layers/dropout",
        ["dropout"],
        "Train with some units missing: what must the others do?",
    ),
    "residual": Chapter(
        "Part III",
        "layers/residual",
        ["residual"],
        "Add what goes around to what goes through: and the gradient?",
    ),
    "global_pooling": Chapter(
        "Part III",
        "layers/global_pooling",
        ["globalavgpool2d"],
        "A whole map becomes one number: what does a pixel get back?",
    ),
    "depthwise_convolution": Chapter(
        "Part III",
        "layers/depthwise_convolution",
        ["depthwiseconv2d"],
        "A kernel for each channel, with holes in it: who gets what back?",
    ),
    "transposed_convolution": Chapter(
        "Part III",
        "layers/transposed_convolution",
        ["convtranspose2d"],
        "Lay a kernel down for each pixel: what is added up, and what back?",
    ),
    "blur_pooling": Chapter(
        "Part III",
        "layers/blur_pooling",
        ["blurpool2d"],
        "Blur, and keep every second pixel: what does the border get?",
    ),
    "label_smoothing": Chapter(
        "Part III",
        "losses/label_smoothing",
        ["smoothedcrossentropy"],
        "Not to want certainty: what is wanted of each class?",
    ),
}


def chapter_of(name: str) -> str:
    """Return the chapter of that name, or in which that is written.

    Raises
    ------
    ValueError
        If there is none.
    """
    wanted = name.lower()
    for chapter, one in CHAPTERS.items():
        pages = one.pages().lower().split("; ")
        if wanted in (chapter, *one.kinds, *pages):
            return chapter
    meant = " or ".join(close_to(name))
    others = f"there are {', '.join(CHAPTERS)}"
    raise ValueError(
        f"there is no chapter {name}; "
        + (f"did you mean {meant}?" if meant else others)
    )


def close_to(name: str) -> list[str]:
    """Return what may be meant by a name that is not quite one.

    Names that are spelled nearly so, or begin so; or of which these are
    the capitals, as of MeanSquaredError.
    """
    wanted = name.lower()
    near = get_close_matches(wanted, [*CHAPTERS, *KINDS])
    for kind, one in KINDS.items():
        capitals = "".join(filter(str.isupper, one.name)).lower()
        if wanted and (wanted == capitals or kind.startswith(wanted)):
            near.append(kind)
    return [*dict.fromkeys(near)]


def kinds_of(name: str) -> list[str]:
    """Return what is meant by ``"dense"``, ``"Conv2D"``, ``"pooling"``."""
    wanted = name.lower()
    return [wanted] if wanted in KINDS else CHAPTERS[chapter_of(name)].kinds
