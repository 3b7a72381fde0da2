SELECT
    CASE WHEN r.age > 1 THEN 'skip:superseded'
         WHEN r.created_at < r.ends_at THEN 'skip:year_not_over'
         ELSE 'publish' END AS fate,
    CASE WHEN r.parameter = 'acc_heating_degree_days_17' AND r.resolution = 'year'
         THEN 'heating_degree_days' END AS indicator_code,
    r.municipality AS area_code,
    r.starts_on AS period_start,
    'A' AS frequency_code,
    'dmi_interpolated' AS method_code,
    r.value,
    CASE WHEN r.value IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY municipality, parameter, resolution, starts_on ORDER BY created_at DESC, id DESC) AS age
    FROM raw
) r
