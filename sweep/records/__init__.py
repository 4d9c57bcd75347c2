"""What trials leave behind: their records, and what is read from records alone, whoever made them."""

from sweep.records.records import InstanceRecord, TrialRecord, TrialStatus

__all__ = ["InstanceRecord", "TrialRecord", "TrialStatus"]
