"""Compiled programs: where they are kept for the next process, and how long compilation took."""
