"""Run the program: ``python -m scratchcnn``."""

from scratchcnn.programs.two_classes import main

if __name__ == "__main__":
    raise SystemExit(main())
