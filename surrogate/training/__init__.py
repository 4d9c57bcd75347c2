"""Training of dense networks and finetuning of pruned ones, in float32 with explicit seeds.

Training takes one thread, whatever torch is set to, and leaves that setting and torch's global random state as they were. Equal
seeds give equal networks on one machine; elsewhere sums may round differently.
"""

from surrogate.training.fitting import accuracy, finetune, fit, r_squared
from surrogate.training.settings import OPTIMIZERS, Training

__all__ = ["OPTIMIZERS", "Training", "accuracy", "finetune", "fit", "r_squared"]
