SELECT
    CASE WHEN r.gsrn LIKE 'Sum af %' OR r.gsrn = 'I alt' THEN 'skip:agency_total'
         WHEN r.kwh IS NULL THEN 'skip:not_present' ELSE 'publish' END AS fate,
    CASE WHEN r.gsrn ~ '^[0-9]{18}$' THEN concat('ens_wind_register:', r.gsrn) END AS facility_id,
    CAST(r.year AS SMALLINT) AS year,
    'electricity_production' AS indicator_code,
    CASE upper(r.place) WHEN 'LAND' THEN 'wind_onshore' WHEN 'HAV' THEN 'wind_offshore'
        ELSE concat('?', r.place) END AS carrier_code,
    round(r.kwh / 1000, 6) AS value,
    'A' AS value_status
FROM (
    SELECT gsrn, place, unnest(range(1990, 2026)) AS year, unnest(make_array(
        y1990, y1991, y1992, y1993, y1994, y1995, y1996, y1997, y1998, y1999, y2000, y2001, y2002, y2003, y2004,
        y2005, y2006, y2007, y2008, y2009, y2010, y2011, y2012, y2013, y2014, y2015, y2016, y2017, y2018, y2019,
        y2020, y2021, y2022, y2023, y2024, y2025
    )) AS kwh
    FROM raw
) r
