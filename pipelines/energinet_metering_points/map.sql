SELECT
    'publish' AS fate, count(*) AS raw_rows,
    'metering_points' AS indicator_code,
    coalesce(a.code, concat('?', raw.municipality)) AS area_code,
    raw.month AS period_start, 'M' AS frequency_code,
    CASE raw.kind WHEN 'Consumption' THEN 'consumption_point' WHEN 'Production' THEN 'production_point'
        ELSE concat('?', raw.kind) END AS category_code,
    CASE raw.state WHEN 'New' THEN 'point_new' WHEN 'Connected' THEN 'point_connected'
        WHEN 'Disconnected' THEN 'point_disconnected' WHEN 'Closed down' THEN 'point_closed_down'
        ELSE concat('?', raw.state) END AS detail_code,
    'energinet_master_data' AS method_code,
    CASE WHEN count(raw.points) = count(*) THEN CAST(sum(raw.points) AS DOUBLE) END AS value,
    CASE WHEN count(raw.points) = count(*) THEN 'A' ELSE 'O' END AS value_status
FROM raw
LEFT JOIN codes.areas a ON a.statbank_code = raw.municipality
GROUP BY a.code, raw.municipality, raw.month, raw.kind, raw.state
