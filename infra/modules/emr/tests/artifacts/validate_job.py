stands for validate_job.py
