"""Retries, waiting and threads: the only package with threads and tenacity.

The packages that do things are handed a retrier from here; they have no clock and no threads of
their own.
"""
