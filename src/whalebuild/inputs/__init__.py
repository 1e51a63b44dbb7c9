"""The inputs of a stage: files, base images, build arguments, contexts, for each platform.

Where they cannot be determined without a build the answer is ``Undetermined``, never a guess. No
I/O: this package says which files are read, ``source`` reads them.
"""
