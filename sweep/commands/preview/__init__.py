"""What a sweep would do, before it does anything: the state of every trial, what it needs, and what it may cost.

Nothing is started, fetched or written: the store is read, and a Ray cluster that is to be joined is asked what it has.
"""

from sweep.commands.preview.preview import Preview, PreviewedTrial, look_ahead
from sweep.commands.preview.show import show

__all__ = ["Preview", "PreviewedTrial", "look_ahead", "show"]
