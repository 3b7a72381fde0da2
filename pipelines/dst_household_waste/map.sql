SELECT
    CASE WHEN r.area IN ('1', '2', '3', '4', '5', '01', '02', '03', '04', '05') THEN 'skip:municipality_group'
         WHEN r.is_country OR r.treatment = 'TOT' OR r.fraction = 'TOTHHAFFALD'
         THEN CASE WHEN r.value = '..' THEN 'skip:no_figure' ELSE 'control' END
         ELSE 'publish' END AS fate,
    CASE WHEN r.value = '..' THEN NULL WHEN r.is_country THEN 'country'
         WHEN r.treatment = 'TOT' OR r.fraction = 'TOTHHAFFALD' THEN 'total' END AS what_code,
    'household_waste' AS indicator_code,
    CASE WHEN r.is_country THEN 'DK' ELSE coalesce(a.code, concat('?', r.area)) END AS area_code,
    make_date(CAST(r.period AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    CASE r.treatment WHEN 'GENANV' THEN 'recycling' WHEN 'FORBRND' THEN 'incineration' WHEN 'DEPOT' THEN 'landfill'
        WHEN 'TOT' THEN '_T' ELSE concat('?', r.treatment) END AS category_code,
    CASE WHEN r.fraction = 'TOTHHAFFALD' THEN '_T' ELSE coalesce(f.code, concat('?', r.fraction)) END AS detail_code,
    'dst_register' AS method_code,
    decimal_comma(r.value) AS value,
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM (SELECT *, area IN ('0', '000') AS is_country FROM raw) r
-- Groups have the codes that landsdele have in other tables: only towns are looked up.
LEFT JOIN codes.areas a ON a.statbank_code = r.area AND a.area_level IN ('municipality', 'outside')
LEFT JOIN codes.details f ON f.agency_code = r.fraction AND f.indicator_codes = 'household_waste'
