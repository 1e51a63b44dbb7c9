"""Shell completion: scripts for shells, what may come next on a command line, and their values.

A script asks ``whalebuild __complete WORDS``, in the protocol of cobra's completions, which is what
docker's own completion speaks to its plugins:
https://github.com/spf13/cobra/blob/main/site/content/completions/_index.md
"""
