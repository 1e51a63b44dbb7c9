"""What ``whalebuild init`` finds in a project, and the files that it proposes.

Decisions from a listing and texts alone; every guess says what it was made from. ``templates/`` has
what is written, a file for each tool. Nothing here reads or writes, and nothing decides a bake.
"""
