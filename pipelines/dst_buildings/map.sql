SELECT
    CASE WHEN area_level NOT IN ('region', 'landsdel', 'country') THEN 'publish'
         WHEN bool_or(value = '..') THEN 'skip:no_figure' ELSE 'control' END AS fate,
    CASE WHEN bool_or(value = '..') THEN NULL WHEN area_level = 'country' THEN 'country'
         WHEN area_level IN ('region', 'landsdel') THEN 'region' END AS what_code,
    indicator_code, area_code, make_date(CAST(period AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    carrier_code, category_code, detail_code, 'dst_register' AS method_code,
    -- A sum with a figure missing is missing.
    CASE WHEN NOT bool_or(value = '..') THEN round(sum(decimal_comma(value)) * factor, 6) END AS value,
    CASE WHEN bool_or(value = '..') THEN 'O' ELSE 'A' END AS value_status,
    count(*) AS raw_rows
FROM (
    SELECT
        r.period, r.value, coalesce(a.area_level, 'unknown') AS area_level,
        coalesce(a.code, concat('?', r.area)) AS area_code,
        CASE r.measure WHEN '45' THEN 'buildings' WHEN '50' THEN 'building_floor_area'
            ELSE concat('?', r.measure) END AS indicator_code,
        CASE r.measure WHEN '50' THEN 1000.0 ELSE 1.0 END AS factor, -- 50 is thousands of square metres
        coalesce(h.carrier_code, concat('?', r.heating)) AS carrier_code,
        coalesce(u.category_code, concat('?', r.used)) AS category_code,
        coalesce(b.detail_code, concat('?', r.built)) AS detail_code
    FROM raw r
    LEFT JOIN codes.areas a ON a.statbank_code = r.area
    LEFT JOIN maps.heating h ON h.code = r.heating
    LEFT JOIN maps.uses u ON u.code = r.used
    LEFT JOIN maps.periods b ON b.code = r.built
)
GROUP BY area_level, area_code, indicator_code, factor, period, carrier_code, category_code, detail_code
