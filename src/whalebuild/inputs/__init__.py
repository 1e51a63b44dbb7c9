"""What a stage is made from: files, base images, build arguments, contexts, for each platform.

Where that cannot be told the answer is ``Undetermined``, never a guess. No I/O: this says which
files are read, ``source`` reads them.
"""
