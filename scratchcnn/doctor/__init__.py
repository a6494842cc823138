"""What is wrong with a layer that somebody has written? `diagnose`."""

from scratchcnn.doctor.catalog import CAUSES
from scratchcnn.doctor.diagnosis import diagnose
from scratchcnn.doctor.kinds import KINDS
from scratchcnn.doctor.reports import Diagnosis

__all__ = ["CAUSES", "KINDS", "Diagnosis", "diagnose"]
