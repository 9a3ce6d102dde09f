"""When a schedule fires."""

import pytest

from local_cloud.schedules import Firing, firing

NOON = 1_767_182_400.0  # 2025-12-31T12:00:00Z


@pytest.mark.parametrize(
    ("expression", "since", "now", "expect"),
    [
        ("rate(1 minute)", 0, 59, Firing(False, 60)),
        ("rate(1 minute)", 0, 60, Firing(True, 60)),
        ("rate(5 minutes)", 60, 400, Firing(True, 360)),
        ("rate(2 hours)", 0, 0, Firing(False, 7200)),
        (" rate(1 day) ", 0, 86400, Firing(True, 86400)),
        ("at(2025-12-31T12:00:00)", NOON - 9, NOON - 1, Firing(False, NOON)),
        ("at(2025-12-31T12:00:00)", NOON - 9, NOON, Firing(True, NOON)),
        ("at(2025-12-31T12:00:00)", NOON, NOON + 9, None),
        ("cron(0 12 * * ? *)", 0, NOON, None),
    ],
)
def test_fires(expression: str, since: float, now: float, expect: Firing | None) -> None:
    assert firing(expression, since, now) == expect
