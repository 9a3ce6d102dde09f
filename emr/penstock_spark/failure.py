"""What a job says when it cannot go on: one message, with what, where, and what to do, and an exit code."""

FINDING = 1
"""The data, or the world around the job: something is missing or damaged, or did not answer."""

MISUSE = 2
"""The arguments or the configuration: the same command fails again until somebody changes it."""


class Failure(Exception):
    """Ends the job."""

    def __init__(self, exit_code: int, message: str):
        super().__init__(message)
        self.exit_code = exit_code


def finding(message: str) -> Failure:
    return Failure(FINDING, message)


def misuse(message: str) -> Failure:
    return Failure(MISUSE, message)
