"""How a Dockerfile and its ignore file are read, as BuildKit reads them.

Syntax, words and variables, patterns, and which stage installs dependencies. What a stage is
made from is found in ``inputs``. No I/O: the text is handed in.
"""
