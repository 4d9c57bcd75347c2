"""The members of the search, one a file: each has a ``turn(until)`` and offers what it finds to the incumbent.

To add one, write a class with ``turn``, give it a weight in :mod:`surrogate.models.shares` and list it in
:mod:`surrogate.models.search`.
"""
