-- The 95th percentile of event_duration per device type and UTC day, without the values that lie farther than
-- three standard deviations from the day's mean, for device types with at least 500 distinct events on that day.
--
-- The same text runs in Spark and in DataFusion, and `penstock p95` gives the same answer.
-- It reads one table, silver, with event_date from the path.
--
-- * Events are distinct by event_id within the date; of several, the first by (topic, partition, offset) counts.
--   Kinesis has a shard and a sequence number instead, a decimal number of any length: the longer one is greater.
-- * Mean and sample standard deviation are taken over all of them, and so is the 500: before outliers go.
-- * The bounds are widened by 1e-9 of their size, so that rounding decides nothing; equal values are all kept.
-- * Values whose squares are too large for a double (from about 1e154 on) have no deviation, no bounds and no row:
--   both engines make NaN of it. `penstock p95` then keeps all values of the group.
-- * Values so close together that the squares of their distances are too small for a double (about 1e-162) have the
--   deviation 0: those that do not equal the mean are outliers, here and for `penstock p95`.
-- * The percentile is exact, with linear interpolation between neighbours.
-- * The hint is for Spark: there is one row of bounds for a group, and a row of events for each event.
WITH occurrences AS (
    SELECT
        silver.event_date,
        silver.device_type,
        silver.event_duration,
        ROW_NUMBER() OVER (
            PARTITION BY silver.event_date, silver.event_id
            ORDER BY
                silver.topic,
                silver.partition NULLS LAST,
                silver.offset NULLS LAST,
                silver.shard NULLS LAST,
                LENGTH(silver.sequence_number) NULLS LAST,
                silver.sequence_number NULLS LAST
        ) AS occurrence
    FROM silver
    WHERE silver.event_duration IS NOT NULL
),
events AS (
    SELECT event_date, device_type, event_duration
    FROM occurrences
    WHERE occurrence = 1
),
days AS (
    SELECT
        event_date,
        device_type,
        AVG(event_duration) AS mean,
        STDDEV_SAMP(event_duration) AS stddev,
        COUNT(*) AS distinct_events
    FROM events
    GROUP BY event_date, device_type
    HAVING 500 <= COUNT(*)
),
bounds AS (
    SELECT
        event_date,
        device_type,
        mean,
        stddev,
        mean - 3 * stddev - 1e-9 * (ABS(mean) + 3 * stddev) AS lower,
        mean + 3 * stddev + 1e-9 * (ABS(mean) + 3 * stddev) AS upper,
        distinct_events
    FROM days
)
SELECT /*+ BROADCAST(bounds) */
    bounds.event_date,
    bounds.device_type,
    PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY events.event_duration) AS p95_event_duration,
    bounds.mean,
    bounds.stddev,
    bounds.lower,
    bounds.upper,
    bounds.distinct_events,
    bounds.distinct_events - COUNT(*) AS outliers,
    COUNT(*) AS used
FROM bounds
JOIN events
    ON events.event_date = bounds.event_date
    AND events.device_type = bounds.device_type
    AND bounds.lower <= events.event_duration
    AND events.event_duration <= bounds.upper
GROUP BY
    bounds.event_date,
    bounds.device_type,
    bounds.mean,
    bounds.stddev,
    bounds.lower,
    bounds.upper,
    bounds.distinct_events
ORDER BY bounds.event_date, bounds.device_type
