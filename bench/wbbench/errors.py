"""What can go wrong in a benchmark."""

from __future__ import annotations


class BenchError(Exception):
    """The benchmark cannot go on; the message is for whoever started it."""


class CommandError(BenchError):
    """A command of a way failed. The way's sample says so; the others go on."""
