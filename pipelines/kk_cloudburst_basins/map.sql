SELECT
    CASE WHEN r.place > 1 THEN 'skip:drawn_twice' ELSE 'publish' END AS fate,
    concat('kk_skybrud:', coalesce(upper(replace(r.climate_id, ' ', '')), '-'), ':', substr(r.drawn, 45, 32)) AS feature_id,
    'cloudburst' AS theme_code,
    '0101' AS area_code,
    'adopted' AS status_code,
    r.geometry
FROM (
    SELECT *, row_number() OVER (PARTITION BY climate_id, drawn ORDER BY project) AS place
    FROM (SELECT *, encode(geometry, 'hex') AS drawn FROM raw)
) r
