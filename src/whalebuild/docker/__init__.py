"""The docker client: every process that is started is started here.

Implements the protocols of ``plan``, ``builder``, ``published`` and ``deploy``. Only
``docker.cli`` imports python-on-whales. No decisions: what docker says is turned into values, and
its failures into ``CommandFailedError``.
"""
