SELECT
    CASE WHEN r.gas = 'CO2-ækv' THEN 'control'
         -- Fluorinated gases come from products and processes only: elsewhere the sheet is filled up with zeros.
         WHEN r.gas IN ('HFCs', 'PFCs', 'SF6') AND r.crf NOT LIKE '2%' AND r.value = 0 THEN 'skip:not_present'
         ELSE 'publish' END AS fate,
    CASE WHEN r.gas = 'CO2-ækv' THEN 'second_aggregation' END AS what_code,
    'ghg_inventory' AS indicator_code, 'DK' AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    CASE WHEN r.year > 2023 THEN 'kf25' ELSE 'actual' END AS scenario_code,
    coalesce(c.sector_code, concat('?', r.crf)) AS sector_code,
    coalesce(c.code, concat('?', r.crf)) AS category_code,
    CASE r.gas WHEN 'CO2' THEN 'co2' WHEN 'Indirekte CO2' THEN 'co2_indirect' WHEN 'CH4' THEN 'ch4' WHEN 'N2O' THEN 'n2o'
        WHEN 'HFCs' THEN 'hfc' WHEN 'PFCs' THEN 'pfc' WHEN 'SF6' THEN 'sf6' WHEN 'CO2-ækv' THEN '_T'
        ELSE concat('?', r.gas) END AS gas_code,
    'kefm_kf25' AS method_code,
    round(r.value * 1000000, 3) AS value,
    CASE WHEN r.year > 2023 THEN 'F' ELSE 'A' END AS value_status
FROM (
    SELECT gas, crf, unnest(range(1990, 2051)) AS year, unnest(make_array(
        y1990, y1991, y1992, y1993, y1994, y1995, y1996, y1997, y1998, y1999, y2000, y2001,
        y2002, y2003, y2004, y2005, y2006, y2007, y2008, y2009, y2010, y2011, y2012, y2013,
        y2014, y2015, y2016, y2017, y2018, y2019, y2020, y2021, y2022, y2023, y2024, y2025,
        y2026, y2027, y2028, y2029, y2030, y2031, y2032, y2033, y2034, y2035, y2036, y2037,
        y2038, y2039, y2040, y2041, y2042, y2043, y2044, y2045, y2046, y2047, y2048, y2049,
        y2050
    )) AS value
    FROM raw
) r
LEFT JOIN codes.categories c ON c.agency_code = r.crf AND c.indicator_codes = 'ghg_inventory ghg_inventory_by_regime'
