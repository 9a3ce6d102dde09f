#!/usr/bin/env bash
# promtool looks at the rules of Prometheus and runs their tests: dashboards/test.sh
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
tools="$(./tools.sh)"
"$tools/promtool" check config prometheus/prometheus.yaml
"$tools/promtool" check rules prometheus/alerts.yaml
"$tools/promtool" test rules prometheus/alerts_test.yaml
