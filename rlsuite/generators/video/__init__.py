"""Films: a moving foreground drawn over a background that stands still."""
