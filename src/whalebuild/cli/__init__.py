"""The command line: verbs, options and the one error boundary."""
