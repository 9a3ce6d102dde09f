"""Stands for the job."""
