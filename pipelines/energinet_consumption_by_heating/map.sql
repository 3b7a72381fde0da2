SELECT
    'publish' AS fate,
    'electricity_consumption' AS indicator_code,
    coalesce(a.code, concat('?', raw.municipality)) AS area_code,
    raw.month AS period_start, 'M' AS frequency_code,
    CASE raw.housing
        WHEN 'Erhverv' THEN 'business' WHEN 'Etageejendom' THEN 'apartment_building' WHEN 'Fritidshuse' THEN 'holiday_home'
        WHEN 'Parcel- og rækkehuse' THEN 'house' WHEN 'Andet' THEN '_O' ELSE concat('?', raw.housing) END AS category_code,
    CASE raw.heating
        WHEN 'Elvarme eller varmepumpe' THEN 'electric_heating' WHEN 'Andet' THEN 'not_electric_heating'
        WHEN '-' THEN '_U' ELSE concat('?', raw.heating) END AS detail_code,
    'energinet_settlement' AS method_code,
    raw.kwh / 1000 AS value,
    CASE WHEN raw.kwh IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM raw
LEFT JOIN codes.areas a ON a.code = lpad(raw.municipality, 4, '0')
