SELECT
    m.indicator_code, m.area_code, make_date(m.civil_year, 1, 1) AS period_start, 'A' AS frequency_code,
    m.scenario_code, m.category_code, m.method_code,
    -- A month that is not told makes the year not told.
    CASE WHEN count(m.value) = 12 THEN sum(m.value) END AS value,
    CASE WHEN count(m.value) = 12 THEN 'A' ELSE 'O' END AS value_status
FROM (
    SELECT *, CAST(date_part('year', period_start) AS INT) AS civil_year
    FROM core.observation_within_year
    WHERE pipeline = 'energinet_consumption_by_industry' AND indicator_code = 'electricity_consumption_by_industry' AND frequency_code = 'M'
) m
GROUP BY m.indicator_code, m.area_code, m.civil_year, m.scenario_code, m.category_code, m.method_code
HAVING count(*) = 12
