WITH owners AS (
    SELECT pipeline, title_da, title_en, areas, expected_level, expected_except, rhythm_lag_days AS lag_days,
        CASE WHEN rhythm_every_months > 12 THEN CAST(floor(rhythm_every_months / 12) AS INT) ELSE 1 END AS every_years,
        rhythm_every_months IS NOT NULL AS has_rhythm
    FROM pipelines
    WHERE table_name = 'observation' AND (expected_level = 'municipality' OR areas <> 'all') AND is_off = false
),
figures AS (
    SELECT o.pipeline, o.area_code, CAST(o.year AS INT) AS year, count(*) AS row_count, count(o.value) AS value_count
    FROM core.observation o
    JOIN owners w ON w.pipeline = o.pipeline
    WHERE o.scenario_code = 'actual'
    GROUP BY o.pipeline, o.area_code, o.year
),
published AS (
    SELECT o.pipeline, CAST(o.year AS INT) AS year, max(o.period_end) AS period_end
    FROM core.observation o
    JOIN owners w ON w.pipeline = o.pipeline
    WHERE o.scenario_code = 'actual'
    GROUP BY o.pipeline, o.year
),
spans AS (
    SELECT pipeline, min(year) AS first_year, max(year) AS last_year, max(period_end) AS last_end
    FROM published
    GROUP BY pipeline
),
steps AS (
    SELECT 10 * t.n + o.n AS step
    FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) t(n)
    CROSS JOIN (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) o(n)
),
-- A date as a number of days, 365.25 to the year: half a day off at most, where a lag is months.
expected AS (
    SELECT w.pipeline, w.title_da, w.title_en, w.areas, w.expected_level, w.expected_except, s.last_year,
        s.first_year + w.every_years * p.step AS year
    FROM owners w
    JOIN spans s ON s.pipeline = w.pipeline
    CROSS JOIN steps p
    CROSS JOIN run_date t
    WHERE w.has_rhythm AND (s.first_year + w.every_years * p.step <= s.last_year
        OR 365.25 * (s.first_year + w.every_years * p.step - s.last_year + EXTRACT(YEAR FROM s.last_end))
            + EXTRACT(DOY FROM s.last_end) + w.lag_days
            < 365.25 * EXTRACT(YEAR FROM t.run_date) + EXTRACT(DOY FROM t.run_date))
    UNION
    SELECT w.pipeline, w.title_da, w.title_en, w.areas, w.expected_level, w.expected_except, s.last_year, f.year
    FROM owners w
    JOIN spans s ON s.pipeline = w.pipeline
    JOIN published f ON f.pipeline = w.pipeline
),
revised AS (
    SELECT pipeline, split_part(split_part(row_key, '|area_code=', 2), '|', 1) AS area_code,
        CAST(substring(split_part(row_key, 'period_start=', 2), 1, 4) AS INT) AS year, count(*) AS revised_count
    FROM core.revision
    WHERE table_name = 'observation' AND column_name = 'value'
    GROUP BY pipeline, split_part(split_part(row_key, '|area_code=', 2), '|', 1),
        CAST(substring(split_part(row_key, 'period_start=', 2), 1, 4) AS INT)
),
confirmed AS (
    SELECT pipeline, max(confirmed_at) AS confirmed_at FROM ledger GROUP BY pipeline
)
SELECT
    e.pipeline AS owner, a.code AS area_code, CAST(e.year AS SMALLINT) AS year, e.title_da, e.title_en,
    a.name_da AS area_name_da, a.name_en AS area_name_en,
    CASE
        WHEN f.value_count > 0 THEN 'present'
        WHEN f.row_count > 0 THEN 'no_figure'
        WHEN e.year > e.last_year THEN 'late'
        ELSE 'missing'
    END AS coverage_status_code,
    coalesce(f.row_count, 0) AS row_count, coalesce(f.row_count - f.value_count, 0) AS missing_count,
    coalesce(r.revised_count, 0) > 0 AS is_revised, coalesce(r.revised_count, 0) AS revised_count,
    f.row_count IS NULL AND e.year > e.last_year AS is_late, c.confirmed_at
FROM expected e
JOIN codes.areas a ON a.area_level = 'municipality'
    AND coalesce(CAST(a.valid_from AS DATE) <= make_date(CAST(e.year AS INT), 1, 1), true)
    AND coalesce(CAST(a.valid_to AS DATE) > make_date(CAST(e.year AS INT), 1, 1), true)
    AND concat(' ', coalesce(e.expected_except, ''), ' ') NOT LIKE concat('% ', a.code, ' %')
    AND (e.expected_level = 'municipality' OR concat(' ', e.areas, ' ') LIKE concat('% ', a.code, ' %'))
LEFT JOIN figures f ON f.pipeline = e.pipeline AND f.area_code = a.code AND f.year = e.year
LEFT JOIN revised r ON r.pipeline = e.pipeline AND r.area_code = a.code AND r.year = e.year
LEFT JOIN confirmed c ON c.pipeline = e.pipeline
