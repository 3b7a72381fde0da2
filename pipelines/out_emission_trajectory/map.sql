WITH history AS (
    SELECT area_code, area_level, area_name_da, area_name_en, CAST(year AS INT) AS year, value,
        max(year) OVER (PARTITION BY area_code) AS last_year,
        row_number() OVER (PARTITION BY area_code ORDER BY year DESC) - 1 AS years_later
    FROM out.indicator_year
    WHERE indicator_code = 'ghg_emissions' AND area_level IN ('municipality', 'region', 'country') AND value IS NOT NULL
),
edition AS (
    SELECT substring(max(l.confirmed_at), 1, 10) AS account_edition
    FROM ledger l
    JOIN pipelines p ON p.pipeline = l.pipeline
    WHERE concat(' ', p.indicator_codes, ' ') LIKE '% ghg_emissions %'
),
-- The fit years: up to ten consecutive years that end with the latest account year; x = 0 in that year.
fitted AS (
    SELECT area_code, year, value AS y, CAST(year - last_year AS DOUBLE) AS x,
        ln(CASE WHEN value > 0 THEN value END) AS ln_y, power(CAST(0.8 AS DOUBLE), last_year - year) AS w
    FROM history
    WHERE last_year - year = years_later AND years_later < 10
),
sums AS (
    SELECT area_code, min(year) AS from_year, max(year) AS to_year, count(*) AS n, sum(x) AS x, sum(x * x) AS xx,
        sum(y) AS y, sum(x * y) AS xy, sum(ln_y) AS ln_y, sum(x * ln_y) AS x_ln_y, count(ln_y) AS positive,
        sum(w) AS w, sum(w * x) AS wx, sum(w * x * x) AS wxx, sum(w * y) AS wy, sum(w * x * y) AS wxy
    FROM fitted
    GROUP BY area_code
),
slopes AS (
    SELECT area_code, from_year, to_year, n, positive, x, y, ln_y, w, wx, wy,
        (n * xy - x * y) / nullif(n * xx - x * x, 0) AS b_ols,
        (n * x_ln_y - x * ln_y) / nullif(n * xx - x * x, 0) AS b_log,
        (w * wxy - wx * wy) / nullif(w * wxx - wx * wx, 0) AS b_ets
    FROM sums
),
lines AS (
    SELECT s.area_code, s.from_year, s.to_year, s.n, b_ols, (s.y - b_ols * s.x) / n AS a_ols, b_log,
        (s.ln_y - b_log * s.x) / n AS a_log, b_ets, (s.wy - b_ets * s.wx) / s.w AS a_ets,
        CASE
            WHEN s.n < 3 THEN 'too_few_years'
            WHEN latest.y <= 0 THEN 'latest_not_positive'
            WHEN base.y <= 0 THEN 'base_not_positive'
        END AS reason_code,
        CASE WHEN s.positive < s.n THEN 'year_not_positive' END AS log_reason_code
    FROM slopes s
    JOIN fitted base ON base.area_code = s.area_code AND base.year = s.from_year
    JOIN fitted latest ON latest.area_code = s.area_code AND latest.year = s.to_year
),
-- Targets for all emissions of the area; of two for one year the lower, of two bases the first target's.
targets AS (
    SELECT t.area_code, CAST(t.target_year AS INT) AS year,
        min(coalesce(t.target_value, t.base_value * (1 - t.reduction_ratio),
            CASE WHEN t.target_kind = 'neutrality' THEN 0 END)) AS value
    FROM core.target t
    WHERE t.indicator_code = 'ghg_emissions' AND t.sector_code IN ('_T', '_Z') AND t.category_code IN ('_T', '_Z')
        AND t.target_kind IN ('reduction', 'neutrality') AND t.boundary_code NOT IN ('consumption', 'supply')
    GROUP BY t.area_code, t.target_year
),
bases AS (
    SELECT t.area_code, CAST(t.base_year AS INT) AS year, t.base_value AS value,
        row_number() OVER (PARTITION BY t.area_code ORDER BY t.target_year, t.base_year DESC, t.target_id) AS place
    FROM core.target t
    WHERE t.indicator_code = 'ghg_emissions' AND t.sector_code IN ('_T', '_Z') AND t.category_code IN ('_T', '_Z')
        AND t.target_kind IN ('reduction', 'neutrality') AND t.boundary_code NOT IN ('consumption', 'supply')
        AND t.base_value IS NOT NULL
),
points AS (
    SELECT area_code, year, value FROM targets WHERE value IS NOT NULL
    UNION ALL
    SELECT b.area_code, b.year, b.value
    FROM bases b
    JOIN (SELECT area_code, min(year) AS first_year FROM targets WHERE value IS NOT NULL GROUP BY area_code) t
        ON t.area_code = b.area_code AND b.year < t.first_year
    WHERE b.place = 1
),
pieces AS (
    SELECT area_code, year, value, lead(year) OVER (PARTITION BY area_code ORDER BY year) AS next_year,
        lead(value) OVER (PARTITION BY area_code ORDER BY year) AS next_value
    FROM points
),
horizon AS (
    SELECT min(first_year) AS first_year, max(last_year) AS last_year
    FROM (
        SELECT min(year) AS first_year, max(year) AS last_year FROM points
        UNION ALL
        SELECT min(year), 2030 FROM history
    ) p
),
years AS (
    SELECT h.first_year + 10 * t.n + o.n AS year
    FROM horizon h
    CROSS JOIN (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11)) t(n)
    CROSS JOIN (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) o(n)
    WHERE h.first_year + 10 * t.n + o.n <= h.last_year
),
own AS (
    SELECT p.area_code, y.year,
        CASE WHEN p.next_year IS NULL THEN p.value
            ELSE p.value + (p.next_value - p.value) * (y.year - p.year) / (p.next_year - p.year) END AS value
    FROM pieces p
    JOIN years y ON y.year >= p.year AND (y.year < p.next_year OR (p.next_year IS NULL AND y.year = p.year))
),
within AS (
    SELECT m.area_code, m.within_code, CAST(m.valid_from AS DATE) AS valid_from, CAST(m.valid_to AS DATE) AS valid_to
    FROM codes.area_members m
    JOIN codes.areas a ON a.code = m.area_code AND a.area_level = 'municipality'
    JOIN codes.areas r ON r.code = m.within_code AND r.area_level = 'region'
    UNION ALL
    SELECT a.code AS area_code, 'DK' AS within_code, CAST(a.valid_from AS DATE) AS valid_from,
        CAST(a.valid_to AS DATE) AS valid_to
    FROM codes.areas a
    WHERE a.area_level = 'municipality'
),
-- Members as they are in the last account year, so that a path is of one set of municipalities.
summed AS (
    SELECT w.within_code AS area_code, y.year, count(*) AS member_count, count(o.value) AS target_count,
        CASE WHEN count(o.value) = count(*) THEN sum(o.value) END AS value
    FROM within w
    JOIN (SELECT max(last_year) AS last_year FROM history) l
        ON w.valid_from <= make_date(CAST(l.last_year AS INT), 1, 1)
        AND coalesce(w.valid_to > make_date(CAST(l.last_year AS INT), 1, 1), true)
    CROSS JOIN years y
    LEFT JOIN own o ON o.area_code = w.area_code AND o.year = y.year
    GROUP BY w.within_code, y.year
),
areas AS (
    SELECT area_code, area_level, area_name_da, area_name_en, max(last_year) AS last_year
    FROM history
    GROUP BY area_code, area_level, area_name_da, area_name_en
),
-- What a figure is held against: the area's own path, else the sum of its municipalities'.
paths AS (
    SELECT a.area_code, y.year, coalesce(o.value, s.value) AS value
    FROM areas a
    CROSS JOIN years y
    LEFT JOIN own o ON o.area_code = a.area_code AND o.year = y.year
    LEFT JOIN summed s ON s.area_code = a.area_code AND s.year = y.year
),
spans AS (SELECT area_code, min(year) AS first_year, max(year) AS last_year FROM points GROUP BY area_code),
projected AS (
    SELECT l.area_code, 'lin_ols' AS method_code, y.year, l.from_year, l.to_year, l.n, l.reason_code,
        CASE WHEN l.reason_code IS NULL THEN l.a_ols + l.b_ols * (y.year - l.to_year) END AS value
    FROM lines l
    JOIN years y ON y.year > l.to_year
    UNION ALL
    SELECT l.area_code, 'ets_smoothing', y.year, l.from_year, l.to_year, l.n, l.reason_code,
        CASE WHEN l.reason_code IS NULL THEN l.a_ets + l.b_ets * (y.year - l.to_year) END
    FROM lines l
    JOIN years y ON y.year > l.to_year
    UNION ALL
    SELECT l.area_code, 'loglin', y.year, l.from_year, l.to_year, l.n, coalesce(l.reason_code, l.log_reason_code),
        CASE WHEN coalesce(l.reason_code, l.log_reason_code) IS NULL
            THEN exp(l.a_log + l.b_log * (y.year - l.to_year)) END
    FROM lines l
    JOIN years y ON y.year > l.to_year
),
rows_of AS (
    SELECT area_code, 'actual' AS method_code, year, value, CAST(NULL AS SMALLINT) AS fit_from_year,
        CAST(NULL AS SMALLINT) AS fit_to_year, CAST(NULL AS BIGINT) AS fit_count, CAST(NULL AS BIGINT) AS target_count,
        CAST(NULL AS STRING) AS reason_code
    FROM history
    UNION ALL
    SELECT area_code, method_code, year, value, CAST(from_year AS SMALLINT), CAST(to_year AS SMALLINT), n,
        CAST(NULL AS BIGINT), reason_code
    FROM projected
    UNION ALL
    SELECT a.area_code, 'target_path', y.year, o.value, CAST(NULL AS SMALLINT), CAST(NULL AS SMALLINT),
        CAST(NULL AS BIGINT), CAST(NULL AS BIGINT),
        CASE
            WHEN o.value IS NOT NULL THEN NULL
            WHEN p.area_code IS NULL THEN 'no_target'
            WHEN y.year > p.last_year THEN 'after_last_target'
            ELSE 'before_base_year'
        END
    FROM areas a
    JOIN years y ON true
    LEFT JOIN own o ON o.area_code = a.area_code AND o.year = y.year
    LEFT JOIN spans p ON p.area_code = a.area_code
    WHERE o.value IS NOT NULL OR y.year > a.last_year
    UNION ALL
    SELECT s.area_code, 'target_path_sum', s.year, s.value, CAST(NULL AS SMALLINT), CAST(NULL AS SMALLINT),
        CAST(NULL AS BIGINT), s.target_count, CASE WHEN s.value IS NULL THEN 'not_all_have_target' END
    FROM summed s
    JOIN areas a ON a.area_code = s.area_code
    WHERE s.value IS NOT NULL OR s.year > a.last_year
)
SELECT
    r.area_code, r.method_code, CAST(r.year AS SMALLINT) AS year, a.area_level, a.area_name_da, a.area_name_en,
    r.value AS value_tonne_co2e,
    p.value AS target_value_tonne_co2e, r.value - p.value AS gap_tonne_co2e, r.value <= p.value AS is_on_track,
    r.fit_from_year, r.fit_to_year, r.fit_count, r.target_count, e.account_edition, r.reason_code
FROM rows_of r
JOIN areas a ON a.area_code = r.area_code
LEFT JOIN paths p ON p.area_code = r.area_code AND p.year = r.year AND r.method_code NOT LIKE 'target%'
LEFT JOIN edition e ON r.method_code NOT LIKE 'target%'
