"""What trials leave behind: their records, and what is read from records alone, whoever made them."""

from sweep.records.instance_record import NUMBERS, TIGHTNESS_FACTS, TRUE_VIOLATION, InstanceRecord
from sweep.records.trial_record import TrialRecord, TrialStatus

__all__ = ["NUMBERS", "TIGHTNESS_FACTS", "TRUE_VIOLATION", "InstanceRecord", "TrialRecord", "TrialStatus"]
