"""A project of the reader's own: ``python -m scratchcnn.workbook``."""
