"""Any Gymnasium environment as a level, stepped in worker processes."""
