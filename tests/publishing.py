"""What is public: the names that the package and its folders list."""

import scratchcnn

FOLDERS = {name: getattr(scratchcnn, name) for name in scratchcnn.FOLDERS}
NAMESPACES = [
    space
    for space in (*FOLDERS.values(), scratchcnn.data.drawn, scratchcnn)
    if hasattr(space, "__all__")
]
PUBLIC = {
    f"{space.__name__}.{name}": getattr(space, name)
    for space in NAMESPACES
    for name in space.__all__
}
PUBLIC["scratchcnn.autograd.Tensor"] = scratchcnn.autograd.Tensor
