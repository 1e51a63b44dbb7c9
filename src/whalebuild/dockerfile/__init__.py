"""How a Dockerfile and its ignore file are read, as BuildKit reads them.

Syntax, words and variables, patterns, and which stage most likely installs the dependencies. The
inputs of a stage are found by ``inputs``. No I/O: callers hand in the text.
"""
