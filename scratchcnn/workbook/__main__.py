"""Run the program: ``python -m scratchcnn.workbook``."""

from scratchcnn.workbook.program import main

if __name__ == "__main__":
    raise SystemExit(main())
