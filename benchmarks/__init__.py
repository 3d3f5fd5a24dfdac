"""Speed and quality, printed as a table and written as JSON."""
