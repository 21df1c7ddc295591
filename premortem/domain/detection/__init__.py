"""Detection: which errors are news, which counts are more than chance. Pure, in event time, O(1) a record."""

from premortem.domain.detection.config import DEFAULT, DetectorConfig
from premortem.domain.detection.detector import Detector, detect_all

__all__ = ["DEFAULT", "Detector", "DetectorConfig", "detect_all"]
