SELECT
    'wastewater_load' AS indicator_code, coalesce(f.area_code, '_U') AS area_code,
    make_date(CAST(y.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code, 'puls_reports' AS method_code,
    CASE WHEN count(y.value) = count(*) THEN sum(y.value) END AS value,
    CASE WHEN count(y.value) = count(*) THEN 'A' ELSE 'O' END AS value_status
FROM core.facility_year y
LEFT JOIN core.facility f ON f.facility_id = y.facility_id
WHERE y.indicator_code = 'wastewater_load'
GROUP BY coalesce(f.area_code, '_U'), y.year
