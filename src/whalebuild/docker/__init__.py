"""The docker client: every docker command is started here.

Implements the protocols of ``plan``, ``builder``, ``published`` and ``deploy``. Only
``docker.cli`` imports python-on-whales. Nothing is decided here: docker's output becomes
values, and its failures become ``CommandFailedError``.
"""
