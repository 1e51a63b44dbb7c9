"""CI services: workflow files from templates, what their variables say, and their log's commands.

Pure: the text of a template, the environment and the event's file are handed in. What is written
to a log or a file is written by ``cli`` and ``console``.
"""
