"""Production control: stations of a factory report readings, planners read the summary."""

RELEASE = "1"
