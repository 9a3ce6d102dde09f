"""The Spark jobs of Penstock: the p95 question, and a check of the lake by a reader that knows nothing of Penstock."""
