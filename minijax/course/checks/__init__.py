"""What a reader's work is checked for: a module for each page."""
