SELECT
    CASE WHEN i.indicator = 'forest_area' AND r.cover <> 'E' THEN 'skip:not_forest'
         -- 000 lacks the land outside the register; LAND has it.
         WHEN r.area = '000' OR c.is_group = '1' THEN 'skip:partial_total'
         WHEN r.area = 'LAND' OR a.area_level = 'region' OR r.cover = 'TOT'
         THEN CASE WHEN r.value = '..' THEN 'skip:no_figure' ELSE 'control' END
         ELSE 'publish' END AS fate,
    CASE WHEN r.value = '..' OR r.area = '000' OR c.is_group = '1' THEN NULL
         WHEN r.area = 'LAND' THEN 'country' WHEN a.area_level = 'region' THEN 'region'
         WHEN r.cover = 'TOT' THEN 'total' END AS what_code,
    CASE WHEN r.unit = '0120' THEN i.indicator ELSE concat('?', r.unit) END AS indicator_code,
    CASE r.area WHEN 'LAND' THEN 'DK' WHEN 'IKMAK' THEN '_X' ELSE coalesce(a.code, concat('?', r.area)) END AS area_code,
    make_date(CAST(r.period AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    CASE WHEN i.indicator = 'forest_area' THEN '_T' WHEN r.cover = 'TOT' THEN '_T'
         ELSE coalesce(c.code, concat('?', r.cover)) END AS category_code,
    'dst_land_cover' AS method_code,
    round(decimal_comma(r.value) * CASE i.indicator WHEN 'forest_area' THEN 100 ELSE 1 END, 6) AS value, -- forest in ha
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM raw r
CROSS JOIN (VALUES ('land_cover_area'), ('forest_area')) i (indicator)
LEFT JOIN codes.areas a ON a.statbank_code = r.area
LEFT JOIN codes.categories c ON c.agency_code = r.cover AND c.indicator_codes = 'land_cover_area'
