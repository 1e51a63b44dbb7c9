"""The targets of a bake file, and the images that they become.

A *pair* is an application's image and its dependencies' image. What is to be done about them is
decided in ``plan``. No I/O: buildx resolves bake files, and its answer is handed in.
"""
