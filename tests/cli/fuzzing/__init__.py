"""A fuzz of the command line: words, settings files, environments, and what docker answers.

Each case is made from a seed and a number alone (``cases``), and run in a process of its own, which
is forked from one that has everything imported (``run``). Repeat one, and see all of it, with
``python -m tests.cli.fuzzing SEED NUMBER``.
"""
