"""Progress and notes on a terminal, as plain lines, or as BuildKit's own stream."""
