"""The app base of an application: where its Dockerfile is cut, and the two files it gives.

The app base is the image of the final stage's chain up to, and without, the first instruction that
takes code in. ``boundary`` finds that instruction, ``limits`` says what the rest can be built on,
``generated`` writes the Dockerfiles. No I/O: callers hand in the text and the files of each read.
"""
