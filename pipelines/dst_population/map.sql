SELECT
    CASE WHEN a.area_level IN ('region', 'country') OR r.sex = 'TOT' OR r.age = 'IALT'
         THEN CASE WHEN r.value = '..' THEN 'skip:no_figure' ELSE 'control' END
         ELSE 'publish' END AS fate,
    CASE WHEN r.value = '..' THEN NULL
         WHEN a.area_level IN ('region', 'country') THEN a.area_level
         WHEN r.sex = 'TOT' OR r.age = 'IALT' THEN 'total' END AS what_code,
    'population' AS indicator_code,
    coalesce(a.code, concat('?', r.area)) AS area_code,
    make_date(CAST(substr(r.period, 1, 4) AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    CASE r.sex WHEN '1' THEN 'male' WHEN '2' THEN 'female' WHEN 'TOT' THEN '_T' ELSE concat('?', r.sex) END AS category_code,
    CASE WHEN r.age = 'IALT' THEN '_T' ELSE concat('age_', lpad(r.age, 3, '0')) END AS detail_code,
    'dst_register' AS method_code,
    decimal_comma(r.value) AS value,
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.area
