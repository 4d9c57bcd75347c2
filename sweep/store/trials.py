"""The record of a trial as an entry: its facts without pictures, and the pictures as arrays in the bytes of a safetensors file.

As numbers in JSON the pictures would be nearly all of the text, and reading the records of a large sweep would take minutes.
"""

from __future__ import annotations

import numpy as np

from sweep.records import TrialRecord
from sweep.store.stage_results import Entry

NOT_A_RECORD = (TypeError, KeyError, ValueError, AttributeError, IndexError)
"""Errors that are raised when something that is no record is read as one."""

PICTURES = ("clean", "perturbed")
"""The fields of an instance that are arrays; ``clean.3`` is that of the fourth instance."""


def trial_entry(record: TrialRecord) -> Entry:
    """Return what the store keeps of a record."""
    from safetensors.numpy import save

    arrays = {
        f"{name}.{place}": np.array(getattr(instance, name), dtype=np.float64)
        for place, instance in enumerate(record.instances)
        for name in PICTURES
        if getattr(instance, name)
    }
    return Entry(record.without_pictures().to_dict(), bytes(save(arrays)) if arrays else None)


def record_of(entry: Entry) -> TrialRecord:
    """Return the record that :func:`trial_entry` made an entry of; without the entry's weights, it has no pictures.

    Raises:
        one of ``NOT_A_RECORD``: it is another one, or of a version of the program with other fields.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    record = TrialRecord.from_dict(entry.facts)
    try:
        arrays = {} if entry.weights is None else load(entry.weights)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    for name, array in arrays.items():
        field, _, place = name.partition(".")
        if field not in PICTURES or not place.isdecimal():
            raise ValueError(f"it has no picture {name!r:.40}")
        setattr(record.instances[int(place)], field, array.tolist())
    return record
