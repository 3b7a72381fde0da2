-- In each join the smaller table stands first: that is the side which is held in memory.
-- concat(..., '') hides that the files are sorted by indicator: sums over many sorted files keep their memory in
-- DataFusion 55.
WITH figures AS (
    SELECT o.code AS indicator_code, o.area_code, o.year, sum(o.value) AS total, count(*) AS row_count,
        count(o.value) AS value_count
    FROM (
        SELECT concat(indicator_code, '') AS code, area_code, CAST(year AS INT) AS year, value
        FROM core.observation
        WHERE scenario_code = 'actual'
    ) o
    GROUP BY o.code, o.area_code, o.year
),
-- all_needed: every municipality must have a figure; elsewhere (turbines, biogas plants) no row means none.
rules AS (
    SELECT i.code AS indicator_code, i.over_area, i.kind,
        max(CASE WHEN p.areas = 'all' AND p.expected_level IS NULL THEN 0 ELSE 1 END) AS all_needed
    FROM codes.indicators i
    LEFT JOIN pipelines p ON concat(' ', p.indicator_codes, ' ') LIKE concat('% ', i.code, ' %')
        AND p.table_name = 'observation'
    GROUP BY i.code, i.over_area, i.kind
),
weights AS (
    SELECT o.over_area, o.area_code, o.year, sum(o.value) AS value
    FROM (SELECT DISTINCT over_area FROM codes.indicators) i
    JOIN (
        SELECT concat('mean:', indicator_code) AS over_area, area_code, CAST(year AS INT) AS year, value
        FROM core.observation
        WHERE scenario_code = 'actual' AND area_level = 'municipality'
    ) o ON i.over_area = o.over_area
    GROUP BY o.over_area, o.area_code, o.year
),
-- An area is within its region, within the country, and within itself.
within AS (
    SELECT m.area_code, a.area_level AS member_level, m.within_code, 0 AS is_itself,
        CAST(m.valid_from AS DATE) AS valid_from, CAST(m.valid_to AS DATE) AS valid_to
    FROM codes.area_members m
    JOIN codes.areas a ON a.code = m.area_code AND a.area_level IN ('municipality', 'outside')
    JOIN codes.areas r ON r.code = m.within_code AND r.area_level = 'region'
    UNION ALL
    SELECT a.code AS area_code, a.area_level AS member_level, 'DK' AS within_code, 0 AS is_itself,
        CAST(NULL AS DATE) AS valid_from, CAST(a.valid_to AS DATE) AS valid_to
    FROM codes.areas a
    WHERE a.area_level IN ('municipality', 'outside')
    UNION ALL
    SELECT a.code AS area_code, a.area_level AS member_level, a.code AS within_code, 1 AS is_itself,
        CAST(NULL AS DATE) AS valid_from, CAST(NULL AS DATE) AS valid_to
    FROM codes.areas a
    WHERE a.area_level IN ('municipality', 'region', 'country')
),
members AS (
    SELECT w.area_code, w.within_code, w.is_itself, y.year,
        CASE WHEN w.is_itself = 0 AND w.member_level = 'municipality' THEN 1 ELSE 0 END AS is_member,
        CASE WHEN w.is_itself = 1 AND w.member_level = 'municipality' THEN 1 ELSE 0 END AS is_municipality
    FROM within w
    JOIN (SELECT DISTINCT CAST(year AS INT) AS year FROM core.observation WHERE scenario_code = 'actual') y
        ON coalesce(w.valid_from <= make_date(y.year, 1, 1), true)
        AND coalesce(w.valid_to > make_date(y.year, 1, 1), true)
),
sizes AS (SELECT within_code, year, sum(is_member) AS member_count FROM members GROUP BY within_code, year),
known AS (
    SELECT f.indicator_code, f.area_code, f.year, r.over_area, f.row_count - f.value_count AS missing_count,
        CASE WHEN r.over_area = 'sum' OR r.kind IN ('flow', 'stock') OR f.row_count = 1 THEN f.total END AS value
    FROM rules r
    JOIN figures f ON f.indicator_code = r.indicator_code
),
weighed AS (
    SELECT f.indicator_code, f.area_code, f.year, f.missing_count, f.value, w.value AS weight
    FROM weights w
    RIGHT JOIN known f ON w.over_area = f.over_area AND w.area_code = f.area_code AND w.year = f.year
),
-- itself: what the agency gave for the area. The rest adds its members.
added AS (
    SELECT f.indicator_code, m.within_code AS area_code, f.year, max(m.is_itself) AS is_given,
        max(m.is_municipality) AS is_municipality, sum(m.is_member) AS row_count,
        sum(CASE WHEN f.value IS NOT NULL THEN m.is_member ELSE 0 END) AS municipality_count,
        sum(CASE WHEN f.value * f.weight IS NOT NULL THEN m.is_member ELSE 0 END) AS weighted_count,
        sum(CASE WHEN m.is_itself = 1 THEN f.value END) AS itself,
        sum(CASE WHEN m.is_itself = 0 THEN f.value END) AS total,
        max(f.value) AS largest, min(f.value) AS smallest,
        sum(f.value * f.weight) / nullif(sum(CASE WHEN f.value IS NOT NULL THEN f.weight END), 0) AS mean,
        sum(CASE WHEN m.is_itself = 1 THEN f.missing_count END) AS missing_itself, sum(f.missing_count) AS missing_count
    FROM members m
    JOIN weighed f ON f.area_code = m.area_code AND f.year = m.year
    GROUP BY f.indicator_code, m.within_code, f.year
),
valued AS (
    SELECT r.over_area, r.all_needed, a.*
    FROM rules r
    JOIN added a ON a.indicator_code = r.indicator_code
),
levels AS (
    SELECT v.indicator_code, v.area_code, v.year, v.municipality_count, v.is_given,
        coalesce(v.missing_itself, v.missing_count) AS missing_count,
        CASE WHEN v.is_municipality = 1 AND v.itself IS NOT NULL THEN 1 ELSE 0 END AS is_ranked,
        CASE
            WHEN v.is_given = 1 THEN v.itself
            WHEN v.over_area = 'sum' AND v.municipality_count
                = CASE WHEN v.all_needed = 1 THEN s.member_count ELSE v.row_count END THEN v.total
            WHEN v.over_area = 'max' AND v.municipality_count = s.member_count THEN v.largest
            WHEN v.over_area = 'min' AND v.municipality_count = s.member_count THEN v.smallest
            WHEN v.over_area LIKE 'mean:%' AND v.weighted_count = s.member_count THEN v.mean
        END AS value
    FROM sizes s
    JOIN valued v ON v.area_code = s.within_code AND v.year = s.year
),
reference AS (
    SELECT area_code, year, max(CASE WHEN indicator_code = 'population' THEN value END) AS persons,
        max(CASE WHEN indicator_code = 'land_area' THEN value END) AS km2
    FROM levels
    WHERE indicator_code IN ('population', 'land_area')
    GROUP BY area_code, year
),
-- Windows that only look back, so that no engine holds the whole table: what is looked for is sorted to the front.
compared AS (
    SELECT l.*,
        first_value(year) OVER (PARTITION BY indicator_code, area_code
            ORDER BY CASE WHEN value IS NULL THEN 1 ELSE 0 END, year) AS base_year,
        first_value(value) OVER (PARTITION BY indicator_code, area_code
            ORDER BY CASE WHEN value IS NULL THEN 1 ELSE 0 END, year) AS base_value,
        first_value(municipality_count) OVER (PARTITION BY indicator_code, year
            ORDER BY CASE WHEN area_code = 'DK' THEN 0 ELSE 1 END, is_ranked DESC, round(value, 6) DESC)
            AS ranked_count,
        rank() OVER (PARTITION BY indicator_code, year
            ORDER BY CASE WHEN area_code = 'DK' THEN 0 ELSE 1 END, is_ranked DESC, round(value, 6) DESC) - 1 AS place
    FROM levels l
),
referred AS (
    SELECT c.*, r.persons, r.km2
    FROM reference r
    RIGHT JOIN compared c ON r.area_code = c.area_code AND r.year = c.year
),
placed AS (
    SELECT c.*, a.area_level, a.name_da, a.name_en
    FROM codes.areas a
    JOIN referred c ON c.area_code = a.code
)
SELECT
    c.indicator_code, i.name_da AS indicator_name_da, i.name_en AS indicator_name_en, i.concept_code,
    i.is_preferred = '1' AS is_preferred, c.area_code, c.area_level, c.name_da AS area_name_da,
    c.name_en AS area_name_en, CAST(c.year AS SMALLINT) AS year, c.value, i.unit_code,
    CASE WHEN i.over_area = 'sum' AND c.indicator_code <> 'population' THEN c.value / nullif(c.persons, 0) END
        AS value_per_person,
    CASE WHEN i.over_area = 'sum' AND c.indicator_code <> 'land_area' THEN c.value / nullif(c.km2, 0) END
        AS value_per_km2,
    CASE WHEN c.base_value IS NOT NULL THEN CAST(c.base_year AS SMALLINT) END AS base_year,
    c.value - c.base_value AS change_value,
    CASE WHEN c.base_value > 0 THEN (c.value - c.base_value) / c.base_value END AS change_ratio,
    CASE WHEN c.is_ranked = 1 THEN CAST(c.place AS BIGINT) END AS municipality_rank,
    CAST(CASE WHEN c.area_level = 'municipality' THEN c.ranked_count ELSE c.municipality_count END AS BIGINT)
        AS municipality_count,
    CAST(c.missing_count AS BIGINT) AS missing_count
FROM codes.indicators i
JOIN placed c ON c.indicator_code = i.code
WHERE c.is_given = 1 OR i.over_area <> 'none'
