"""The versions that are hashed into keys. Raise one when a change of the program makes earlier results invalid.

A raised version changes the keys that contain it, so that results under the former keys are left alone and not used again.
"""

from __future__ import annotations

FORMAT_VERSION = 2
"""It is in the keys of trainings and trials (:mod:`sweep.config.canonical`). Raise it when a change of the program trains other
networks, or when what is hashed gets another form."""

SURROGATES_VERSION = 2
"""It is in the keys of surrogates (:mod:`sweep.config.stage_keys`) and of trials that prune. Raise it when a change of the
program prunes or finetunes otherwise."""

INSTANCES_VERSION = 5
"""It is in the keys of answers (:mod:`sweep.config.stage_keys`) and of trials. Raise it when a change of the program gives
other answers (attacks, bounds, formulations, how solvers are called), or when a field of
:class:`sweep.records.InstanceRecord` is renamed or removed.
"""
