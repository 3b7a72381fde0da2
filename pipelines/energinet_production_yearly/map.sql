WITH hourly AS (
    SELECT *, CAST(date_part('year', civil_date) AS INT) AS civil_year
    FROM core.observation_hourly
    WHERE indicator_code = 'electricity_production' AND frequency_code = 'H'
),
complete AS (
    SELECT civil_year FROM hourly GROUP BY civil_year
    HAVING count(DISTINCT hour_start_at) = CASE
        WHEN (civil_year % 4 = 0 AND civil_year % 100 <> 0) OR civil_year % 400 = 0 THEN 8784 ELSE 8760 END
)
SELECT
    h.indicator_code, h.area_code, make_date(h.civil_year, 1, 1) AS period_start, 'A' AS frequency_code,
    h.scenario_code, h.carrier_code, h.category_code, h.method_code, sum(h.value) AS value
FROM hourly h
JOIN complete c ON c.civil_year = h.civil_year
GROUP BY h.indicator_code, h.area_code, h.civil_year, h.scenario_code, h.carrier_code, h.category_code, h.method_code
