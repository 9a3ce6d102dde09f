"""Stands for the check."""
