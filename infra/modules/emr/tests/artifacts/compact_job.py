"""Stands for the compaction."""
