WITH figures AS (
    SELECT o.indicator_code, o.area_code, o.area_level, CAST(o.year AS INT) AS year, i.over_area, i.unit_code,
        CASE WHEN i.over_area = 'sum' OR i.kind IN ('flow', 'stock') OR count(*) = 1 THEN sum(o.value) END AS value,
        count(*) - count(o.value) AS missing_count
    FROM core.observation o
    JOIN codes.indicators i ON i.code = o.indicator_code
    WHERE o.scenario_code = 'actual'
    GROUP BY o.indicator_code, o.area_code, o.area_level, o.year, i.over_area, i.kind, i.unit_code
),
-- Where every municipality must have a figure; elsewhere (turbines, biogas plants) no row means that there is none.
rules AS (
    SELECT o.indicator_code,
        max(CASE WHEN p.expected_level = 'municipality' OR p.areas <> 'all' THEN 1 ELSE 0 END) AS all_needed
    FROM (SELECT DISTINCT indicator_code, pipeline FROM core.observation) o
    JOIN pipelines p ON p.pipeline = o.pipeline
    GROUP BY o.indicator_code
),
within AS (
    SELECT m.area_code, a.area_level AS member_level, m.within_code, r.area_level,
        CAST(m.valid_from AS DATE) AS valid_from, CAST(m.valid_to AS DATE) AS valid_to
    FROM codes.area_members m
    JOIN codes.areas a ON a.code = m.area_code AND a.area_level IN ('municipality', 'outside')
    JOIN codes.areas r ON r.code = m.within_code AND r.area_level = 'region'
    UNION ALL
    SELECT a.code AS area_code, a.area_level AS member_level, 'DK' AS within_code, 'country' AS area_level,
        CAST(NULL AS DATE) AS valid_from, CAST(a.valid_to AS DATE) AS valid_to
    FROM codes.areas a
    WHERE a.area_level IN ('municipality', 'outside')
),
years AS (SELECT DISTINCT year FROM figures),
members AS (
    SELECT w.area_code, w.member_level, w.within_code, w.area_level, y.year,
        sum(CASE WHEN w.member_level = 'municipality' THEN 1 ELSE 0 END)
            OVER (PARTITION BY w.within_code, y.year) AS member_count
    FROM within w
    JOIN years y ON coalesce(w.valid_from <= make_date(y.year, 1, 1), true)
        AND coalesce(w.valid_to > make_date(y.year, 1, 1), true)
),
added AS (
    SELECT f.indicator_code, m.within_code AS area_code, m.area_level, f.year, f.over_area, f.unit_code,
        max(m.member_count) AS member_count,
        CASE WHEN max(coalesce(r.all_needed, 1)) = 1 THEN max(m.member_count)
            ELSE count(CASE WHEN m.member_level = 'municipality' THEN 1 END) END AS needed_count,
        count(CASE WHEN m.member_level = 'municipality' THEN f.value END) AS municipality_count,
        count(CASE WHEN m.member_level = 'municipality' THEN f.value * w.value END) AS weighted_count,
        sum(f.value) AS total, max(f.value) AS largest, min(f.value) AS smallest, sum(f.missing_count) AS missing_count,
        sum(CASE WHEN m.member_level = 'municipality' THEN f.value * w.value END)
            / nullif(sum(CASE WHEN m.member_level = 'municipality' AND f.value IS NOT NULL THEN w.value END), 0) AS mean
    FROM figures f
    JOIN members m ON m.area_code = f.area_code AND m.year = f.year
    LEFT JOIN rules r ON r.indicator_code = f.indicator_code
    LEFT JOIN figures w ON f.over_area = concat('mean:', w.indicator_code) AND w.area_code = f.area_code
        AND w.year = f.year
    LEFT JOIN figures given ON given.indicator_code = f.indicator_code AND given.area_code = m.within_code
        AND given.year = f.year
    WHERE f.over_area <> 'none' AND given.indicator_code IS NULL
    GROUP BY f.indicator_code, m.within_code, m.area_level, f.year, f.over_area, f.unit_code
),
levels AS (
    SELECT indicator_code, area_code, area_level, year, over_area, unit_code, value, missing_count,
        count(CASE WHEN area_level = 'municipality' THEN value END)
            OVER (PARTITION BY indicator_code, year) AS municipality_count
    FROM figures
    WHERE area_level IN ('municipality', 'region', 'country')
    UNION ALL
    SELECT indicator_code, area_code, area_level, year, over_area, unit_code,
        CASE
            WHEN over_area = 'sum' AND municipality_count = needed_count THEN total
            WHEN over_area = 'max' AND municipality_count = member_count THEN largest
            WHEN over_area = 'min' AND municipality_count = member_count THEN smallest
            WHEN over_area LIKE 'mean:%' AND weighted_count = member_count THEN mean
        END,
        missing_count, municipality_count
    FROM added
),
based AS (
    SELECT l.*, p.value AS persons, k.value AS km2,
        min(CASE WHEN l.value IS NOT NULL THEN l.year END)
            OVER (PARTITION BY l.indicator_code, l.area_code) AS base_year,
        rank() OVER (PARTITION BY l.indicator_code, l.area_level, l.year, CASE WHEN l.value IS NULL THEN 1 ELSE 0 END
            ORDER BY round(l.value, 6) DESC) AS place
    FROM levels l
    LEFT JOIN levels p ON p.indicator_code = 'population' AND p.area_code = l.area_code AND p.year = l.year
    LEFT JOIN levels k ON k.indicator_code = 'land_area' AND k.area_code = l.area_code AND k.year = l.year
),
compared AS (
    SELECT b.*,
        max(CASE WHEN year = base_year THEN value END) OVER (PARTITION BY indicator_code, area_code) AS base_value
    FROM based b
)
SELECT
    c.indicator_code, i.name_da AS indicator_name_da, i.name_en AS indicator_name_en, i.concept_code,
    i.is_preferred = '1' AS is_preferred, c.area_code, c.area_level, a.name_da AS area_name_da,
    a.name_en AS area_name_en, CAST(c.year AS SMALLINT) AS year, c.value, c.unit_code,
    CASE WHEN c.over_area = 'sum' AND c.indicator_code <> 'population' THEN c.value / nullif(c.persons, 0) END
        AS value_per_person,
    CASE WHEN c.over_area = 'sum' AND c.indicator_code <> 'land_area' THEN c.value / nullif(c.km2, 0) END
        AS value_per_km2,
    CAST(c.base_year AS SMALLINT) AS base_year, c.value - c.base_value AS change_value,
    CASE WHEN c.base_value > 0 THEN (c.value - c.base_value) / c.base_value END AS change_ratio,
    CASE WHEN c.area_level = 'municipality' AND c.value IS NOT NULL THEN CAST(c.place AS BIGINT) END
        AS municipality_rank,
    c.municipality_count, CAST(c.missing_count AS BIGINT) AS missing_count
FROM compared c
JOIN codes.indicators i ON i.code = c.indicator_code
JOIN codes.areas a ON a.code = c.area_code
