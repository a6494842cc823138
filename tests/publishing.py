"""What is public: the names that the package and its folders list.

`autograd` lists none: its operations are NumPy's, and its tensor stands for
them.
"""

import scratchcnn
from scratchcnn import autograd
from scratchcnn.data import drawn

FOLDERS = {name: getattr(scratchcnn, name) for name in scratchcnn.FOLDERS}
NAMESPACES = [
    space
    for space in (*FOLDERS.values(), drawn, scratchcnn)
    if hasattr(space, "__all__")
]
PUBLIC = {
    f"{space.__name__}.{name}": getattr(space, name)
    for space in NAMESPACES
    for name in space.__all__
}
PUBLIC[f"{autograd.__name__}.Tensor"] = autograd.Tensor
