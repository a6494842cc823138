"""What is public: the names that the package and its folders list."""

import scratchcnn
from scratchcnn.data import drawn

FOLDERS = {name: getattr(scratchcnn, name) for name in scratchcnn.FOLDERS}
NAMESPACES = [
    space
    for space in (*FOLDERS.values(), drawn, scratchcnn)
    if hasattr(space, "__all__")  # which programs have not
]
PUBLIC = {
    f"{space.__name__}.{name}": getattr(space, name)
    for space in NAMESPACES
    for name in space.__all__
}
