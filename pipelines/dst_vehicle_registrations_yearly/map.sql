WITH within AS (
    SELECT *, CAST(date_part('year', period_start) AS INT) AS civil_year
    FROM core.observation_within_year
    WHERE pipeline = 'dst_vehicle_registrations' AND indicator_code = 'vehicles_registered' AND frequency_code = 'M'
),
complete AS (
    SELECT civil_year FROM within GROUP BY civil_year HAVING count(DISTINCT period_start) = 12
)
SELECT
    w.indicator_code, w.area_code, make_date(w.civil_year, 1, 1) AS period_start, 'A' AS frequency_code,
    w.scenario_code, w.carrier_code, w.category_code, w.detail_code, w.method_code,
    CASE WHEN count(w.value) = 12 THEN sum(w.value) END AS value,
    CASE WHEN count(w.value) = 12 THEN 'A' ELSE 'O' END AS value_status
FROM within w
JOIN complete c ON c.civil_year = w.civil_year
GROUP BY w.indicator_code, w.area_code, w.civil_year, w.scenario_code, w.carrier_code, w.category_code, w.detail_code, w.method_code
