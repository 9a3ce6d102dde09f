stands for p95_job.py
