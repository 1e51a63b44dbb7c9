"""The command line: verbs, options, wiring the edges into the rest, and the one error boundary.

Nothing is decided here, and imports that cost time are made inside functions: ``--help`` has to
be quick.
"""

import whalebuild.cli.running_time  # noqa: F401 - before anything else: it is the time of the start
