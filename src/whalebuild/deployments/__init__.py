"""Deployments of a project on a host: their record, what follows from it, and the lock.

Pure: how entries are written and joined. The files and the engine's volumes that hold them are in
``state`` and ``docker``; what a host runs is for ``deployplan`` to compare.
"""
