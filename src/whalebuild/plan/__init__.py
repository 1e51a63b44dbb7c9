"""What a bake would do and why: which images are built, reused or only tagged.

From the bake file, the Dockerfiles and what is published to a ``Plan``, which also holds the
definition that buildx is given. Asks through ``plan.ports`` and changes nothing; no I/O.
"""
