WITH monthly AS (
    SELECT *, CAST(date_part('year', period_start) AS INT) AS civil_year
    FROM core.observation_within_year
    WHERE pipeline = 'energinet_consumption_by_heating' AND indicator_code = 'electricity_consumption' AND frequency_code = 'M'
),
complete AS (
    SELECT civil_year, area_code FROM monthly GROUP BY civil_year, area_code HAVING count(DISTINCT period_start) = 12
)
SELECT
    m.indicator_code, m.area_code, make_date(m.civil_year, 1, 1) AS period_start, 'A' AS frequency_code,
    m.scenario_code, m.category_code, m.detail_code, m.method_code,
    -- A month that is not told makes the year not told.
    CASE WHEN count(m.value) = count(*) THEN sum(m.value) END AS value,
    CASE WHEN count(m.value) = count(*) THEN 'A' ELSE 'O' END AS value_status
FROM monthly m
JOIN complete c ON c.civil_year = m.civil_year AND c.area_code = m.area_code
GROUP BY m.indicator_code, m.area_code, m.civil_year, m.scenario_code, m.category_code, m.detail_code, m.method_code
