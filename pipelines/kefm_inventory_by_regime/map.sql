SELECT
    CASE WHEN r.regime = 'CO2-ækv' THEN 'control' ELSE 'publish' END AS fate,
    CASE WHEN r.regime = 'CO2-ækv' THEN 'second_aggregation' END AS what_code,
    'ghg_inventory_by_regime' AS indicator_code, 'DK' AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    CASE WHEN r.year > 2023 THEN 'kf25' ELSE 'actual' END AS scenario_code,
    coalesce(c.sector_code, concat('?', r.crf)) AS sector_code,
    coalesce(c.code, concat('?', r.crf)) AS category_code,
    CASE r.regime WHEN 'ETS' THEN 'ets' WHEN 'ESR' THEN 'esr' WHEN 'Øvrig' THEN 'outside_ets_esr' WHEN 'CO2-ækv' THEN '_T'
        ELSE concat('?', r.regime) END AS detail_code,
    'co2e' AS gas_code, 'kefm_kf25' AS method_code,
    round(r.value * 1000000, 3) AS value,
    CASE WHEN r.year > 2023 THEN 'F' ELSE 'A' END AS value_status
FROM (
    SELECT regime, crf, unnest(range(2005, 2051)) AS year, unnest(make_array(
        y2005, y2006, y2007, y2008, y2009, y2010, y2011, y2012, y2013, y2014, y2015, y2016,
        y2017, y2018, y2019, y2020, y2021, y2022, y2023, y2024, y2025, y2026, y2027, y2028,
        y2029, y2030, y2031, y2032, y2033, y2034, y2035, y2036, y2037, y2038, y2039, y2040,
        y2041, y2042, y2043, y2044, y2045, y2046, y2047, y2048, y2049, y2050
    )) AS value
    FROM raw
) r
LEFT JOIN codes.categories c ON c.agency_code = r.crf AND c.indicator_codes = 'ghg_inventory ghg_inventory_by_regime'
