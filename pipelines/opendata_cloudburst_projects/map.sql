SELECT
    'publish' AS fate,
    concat(coalesce(p.source_id, concat('?', r.publisher)), '_cloudburst_', r.number) AS project_id,
    'municipality' AS actor_code, r.title, 'cloudburst' AS kind_code,
    CASE r.stage WHEN 'Idé' THEN 'applied' WHEN 'Forprojekt' THEN 'study' WHEN 'Bevilget' THEN 'granted'
         WHEN 'Ibrugtaget' THEN 'built' WHEN 'Udgået' THEN 'cancelled' ELSE concat('?', r.stage) END AS stage_code,
    r.m2 / 10000 AS area_ha, r.geometry, r.modified AS changed_at
FROM raw r
LEFT JOIN maps.publishers p ON p.code = r.publisher
