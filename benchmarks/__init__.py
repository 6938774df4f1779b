"""Measures what the documentation claims: ratios against a reference in the same run, never asserted as times."""
