"""What is wrong here, and the command that mends it: ``whalebuild doctor``.

What each finding means is decided here from facts, one module a subject; the facts are asked for
through the protocols of ``ports.py``. No I/O, and nothing is changed by a look.
"""
