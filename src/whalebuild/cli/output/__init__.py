"""What a verb prints, as text and as versioned JSON: one file for each verb. No decisions."""
