SELECT
    CASE WHEN r.age > 1 THEN 'skip:superseded'
         WHEN r.created_at < r.ends_at THEN 'skip:year_not_over'
         ELSE 'publish' END AS fate,
    CASE WHEN r.resolution = 'year' THEN CASE r.parameter
        WHEN 'acc_precip' THEN 'precipitation'
        WHEN 'max_precip_24h' THEN 'precipitation_max_24h'
        WHEN 'max_precip_30m' THEN 'precipitation_max_30min'
        WHEN 'no_days_acc_precip_10' THEN 'days_precipitation_10mm' END END AS indicator_code,
    r.municipality AS area_code,
    make_date(CAST(date_part('year', r.last_day) AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    'dmi_interpolated' AS method_code,
    r.value,
    CASE WHEN r.value IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM (
    -- By the day before its end: the year of max_precip_30m begins at 23:31 on the evening before.
    SELECT *, civil_date(ends_at - INTERVAL '1 day') AS last_day, row_number() OVER (
        PARTITION BY municipality, parameter, resolution, ends_at ORDER BY created_at DESC, id DESC) AS age
    FROM raw
) r
