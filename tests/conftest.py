"""Fixtures for the whole suite; the oracles are importable as ``oracles`` from every test."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from sweep.trial import limit_threads

limit_threads(1)  # as in a trial: with more threads than free cores, small products take ten times as long
