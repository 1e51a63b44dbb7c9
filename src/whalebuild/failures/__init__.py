"""What can go wrong at an engine or a registry: kinds, whether a retry helps, what to say.

Messages of docker and answers of registries become a ``Failure``; a failure becomes the error
that the user reads. Decisions are made on a failure's kind, never on its words. No I/O.
"""
